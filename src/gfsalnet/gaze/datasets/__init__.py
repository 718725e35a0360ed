"""One reader per dataset, `MapFolders` for those that store maps frame by frame, and the registry of their names."""
