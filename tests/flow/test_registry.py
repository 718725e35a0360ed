from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gfsalnet.errors import GFSalNetError
from gfsalnet.flow import ESTIMATORS, DISFlow, PWCNetFlow, make_estimator
from gfsalnet.flow.registry import AFTER_COLON


@pytest.mark.parametrize(("name", "preset"), [("dis", "medium"), ("dis-fast", "fast"), ("dis-ultrafast", "ultrafast")])
def test_names_stand_for_presets(name, preset):
    estimator = make_estimator(name)
    assert isinstance(estimator, DISFlow)
    assert estimator.settings == {"preset": preset, "size_wh": (320, 240), "needs_evidence": False}


@pytest.mark.parametrize("name", [*sorted(set(ESTIMATORS) - set(AFTER_COLON)), "pwcnet:weights.safetensors"])
@pytest.mark.parametrize("size_wh", [None, (64, 48)])
def test_settings_make_the_same_estimator_after_json(name, size_wh):
    estimator = make_estimator(name, size_wh=size_wh)
    again = make_estimator(estimator.name, **json.loads(json.dumps(dict(estimator.settings))))
    assert again.settings == estimator.settings
    assert again.name == estimator.name


def test_given_settings_win_over_the_names():
    assert make_estimator("dis-fast", preset="medium").settings["preset"] == "medium"


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(GFSalNetError, match=r"'raft': is unknown.*dis, dis-fast, dis-ultrafast"):
        make_estimator("raft")
    with pytest.raises(GFSalNetError, match=r"no setting sise.*It has: preset, size_wh"):
        make_estimator("dis", sise=3)
    with pytest.raises(GFSalNetError, match="preset 'slow'"):
        make_estimator("dis", preset="slow")


def test_a_colon_brings_a_setting():
    estimator = make_estimator("pwcnet:a:b.safetensors", weights="old.safetensors", size_wh=(64, 48))
    assert isinstance(estimator, PWCNetFlow)
    assert estimator.settings == {"weights": "a:b.safetensors", "size_wh": (64, 48)}
    with pytest.raises(GFSalNetError, match="'dis': takes no 'fast' after a colon"):
        make_estimator("dis:fast")


@pytest.mark.parametrize("name", AFTER_COLON)
def test_without_the_colon_the_error_says_so(name):
    with pytest.raises(GFSalNetError, match=f"{name}:"):
        make_estimator(name)


def test_estimators_do_not_wait_for_torch():
    code = "import gfsalnet.flow, sys; gfsalnet.flow.make_estimator('pwcnet:w'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
