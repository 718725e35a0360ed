"""The model inside a browser: a folder of static files that decodes, predicts and encodes in one tab.

from gfsalnet.web import write_folder

write_folder(Path("web"))
"""

from gfsalnet.web.folder import HEADERS, folder_files, write_folder

__all__ = ["HEADERS", "folder_files", "write_folder"]
