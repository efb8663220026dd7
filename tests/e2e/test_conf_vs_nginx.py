"""`nginx -t` and ours on the same small configurations, word for word."""
import re
import subprocess

import pytest

from conftest import NGINX, ROOT, free_port, needs, needs_peer

pytestmark = needs("edge")
OURS = ROOT / "build/compat/nginx"
ROWS = [line.split("\t") for line in
        (ROOT / "tests/data/conf_vs_nginx.tsv").read_text().splitlines() if line[:1] != "#"]
WHOLE = {
    "main": "%s\nevents {}\n",
    "events": "events { %s }\n",
    "http": "events {}\nhttp { %s\n }\n",
    "server": "events {}\nhttp { server { listen 127.0.0.1:20098; %s\n } }\n",
}


def whole(where, text):
    if where == "main" and "events" in text:
        return text + "\n"
    return WHOLE[where] % text


def verdict(program, folder, text):
    conf = folder / "c.conf"
    conf.write_text(text)
    run = subprocess.run([program, "-t", "-p", f"{folder}/", "-e", folder / "e.log", "-c", conf],
                         capture_output=True, text=True, timeout=60)
    said = [re.sub(r"^\d{4}/\S+ \S+ (\[\w+\]) \d+#\d+: ", r"\1 ", line.removeprefix("nginx: "))
            for line in run.stderr.splitlines()]
    said = [line.replace(f" in {conf}", " in FILE") for line in said
            if line and not line.endswith(("test failed", "test is successful"))]
    return run.returncode, said


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_both_judge_alike(number, tmp_path):
    where, expected, text = ROWS[number]
    (tmp_path / "logs").mkdir()
    port = free_port()
    text = whole(where, text.replace("DIR/", f"{tmp_path}/"))
    text = text.replace("20097", str(port - 1)).replace("20098", str(port))
    theirs = verdict(needs_peer("nginx", NGINX), tmp_path, text)
    ours = verdict(OURS, tmp_path, text)
    assert not any("unknown directive" in line for line in ours[1]) or theirs[0] == 1
    if expected == "same":
        assert ours == theirs, text
    elif expected == "words":
        assert ours[0] == theirs[0], (ours, theirs)
    else:
        assert ours[0] == {"laxer": 0, "stricter": 1}[expected] != theirs[0], (ours, theirs)
