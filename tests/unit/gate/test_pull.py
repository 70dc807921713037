"""The rsync lines that real clients send, and what an attacker would make of them."""

import pytest

from backupjump.gate.grammar import read_request
from backupjump.gate.pull import Pull, read_pull, sender_argv
from backupjump.gate.refusal import Refused
from gate_world import CLUSTER

# Captured from rsync 3.5.0 (3.2.7 sends the same), a pull of /src/ each.
ADMITTED = [
    "rsync --server --sender -logDtpre.iLsfxCIvu . /src/",
    "rsync --server --sender -lHogDtpAXre.iLsfxCIvu --numeric-ids . /src/",
    "rsync --server --sender -lHogDtpAXRe.LsfxCIvu --numeric-ids --files-from=- --from0 . /src/",
    "rsync --server --sender -lHogDtpAXre.iLsfxCIvu --numeric-ids --inplace --ignore-errors . /src/",
    "rsync --server --sender -logDtprxze.iLsfxCIvu --timeout=300 --bwlimit=5000 --info=STATS2 . /src/",
    "rsync --server --sender -logDtprxSe.iLsfxCIvu . /src/",
    "rsync --server --sender -logtpre.iLsfxCIvu . /src/",
    "rsync --server --sender -nlogDtprce.iLsfxCIvu . /src/",
    "rsync --server --sender -vlogDtpre.iLsfxCIvu --info=NAME0 . /src/",
    "rsync --server --sender -de.LsfxCIvu --list-only . /src/",
    "rsync --server --sender -logDtUpre.iLsfxCIvu . /src/",
    "rsync --server --sender -logDtpre.iLsfxCIvu --compress-level=3 --checksum-choice=xxh128 --compress-choice=zstd"
    " --checksum-seed=1 . /src/",
    "rsync --server --sender -logDtpre.iLsfxCIvu -B4096 . /src/",
    "rsync --server --sender -logDtpRe.LsfxCIvu --ignore-missing-args --files-from=- --from0 . /src/",
]

PLAIN = f"rsync --server --sender {CLUSTER}"
REFUSED = {
    "options on stdin, short": "rsync --server --sender -slHogDtpAXre.iLsfxCIvu",
    "options on stdin, short, with a folder": "rsync --server --sender -slogDtpre.iLsfxCIvu . /src/",
    "options on stdin, long": f"{PLAIN} --secluded-args . /src/",
    "options on stdin, by the old name": f"{PLAIN} --protect-args . /src/",
    "a write": f"rsync --server {CLUSTER} . /src/",
    "a write that looks like a read": f"rsync --server {CLUSTER} --sender . /src/",
    "sender after an option": f"rsync --server --numeric-ids --sender {CLUSTER} . /src/",
    "links followed": "rsync --server --sender -lLogDtpre.iLsfxCIvu . /src/",
    "links to folders followed": "rsync --server --sender -lkogDtpre.iLsfxCIvu . /src/",
    "unsafe links followed": f"{PLAIN} --copy-unsafe-links . /src/",
    "safe links only": f"{PLAIN} --safe-links . /src/",
    "devices read": f"{PLAIN} --copy-devices . /src/",
    "devices written": f"{PLAIN} --write-devices . /src/",
    "a log": f"{PLAIN} --log-file=/x . /src/",
    "originals removed": f"{PLAIN} --remove-source-files . /src/",
    "originals removed, by the old name": f"{PLAIN} --remove-sent-files . /src/",
    "missing files deleted": f"{PLAIN} --delete-missing-args . /src/",
    "a list from a file": f"{PLAIN} --files-from=/etc/shadow . /src/",
    "a list from a file, two words": f"{PLAIN} --files-from /etc/shadow . /src/",
    "NULs without a list": f"{PLAIN} --from0 . /src/",
    "missing files ignored without a list": f"{PLAIN} --ignore-missing-args . /src/",
    "relative names without a list": "rsync --server --sender -logDtpRe.LsfxCIvu . /src/",
    "a daemon": f"{PLAIN} --daemon --config=/tmp/x . /src/",
    "a daemon alone": "rsync --server --daemon --config=/tmp/x .",
    "a setting of a daemon": f"{PLAIN} --dparam=x=y . /src/",
    "a rival root": f"{PLAIN} --confine-root=/ . /src/",
    "links without care": f"{PLAIN} --insecure-links . /src/",
    "owners in xattrs": f"{PLAIN} --fake-super . /src/",
    "filters shown": f"{PLAIN} --debug=FILTER . /src/",
    "all shown": f"{PLAIN} --info=ALL . /src/",
    "two kinds shown": f"{PLAIN} --info=NAME0 --info=STATS2 . /src/",
    "very talkative": "rsync --server --sender -vvlogDtpre.iLsfxCIvu . /src/",
    "much memory": f"{PLAIN} --max-alloc=2G . /src/",
    "appending": f"{PLAIN} --append --append . /src/",
    "another charset": f"{PLAIN} --iconv=latin1 . /src/",
    "access times kept": f"{PLAIN} --open-noatime . /src/",
    "no checksum": f"{PLAIN} --checksum-choice=none . /src/",
    "two checksums": f"{PLAIN} --checksum-choice=md5,none . /src/",
    "compression threads": f"{PLAIN} --compress-threads=9 . /src/",
    "a time limit twice": f"{PLAIN} --timeout=1 --timeout=0 . /src/",
    "a negative number": f"{PLAIN} --timeout=-1 . /src/",
    "digits of another script": f"{PLAIN} --timeout=١ . /src/",
    "a number and more": f"{PLAIN} --timeout=1x . /src/",
    "no compression, at length": f"{PLAIN} --compress-choice=none . /src/",
    "a list from the next word": f"{PLAIN} --files-from . /src/",
    "a folder in place of the dot": f"{PLAIN} /a/ /src/",
    "another role": f"rsync --daemon --sender {CLUSTER} . /src/",
    "no number": f"{PLAIN} --bwlimit= . /src/",
    "a number that is no option": f"{PLAIN} --max-size=1 . /src/",
    "an abbreviated option": f"{PLAIN} --numeric . /src/",
    "a flag with a value": f"{PLAIN} --numeric-ids=1 . /src/",
    "a block size of another unit": f"{PLAIN} -B4k . /src/",
    "a block size in two words": f"{PLAIN} -B 4096 . /src/",
    "a second cluster": f"{PLAIN} -L . /src/",
    "a remote shell": "rsync --server --sender -logDtpre sh . /src/",
    "a remote shell, tied": "rsync --server --sender -logDtpresh . /src/",
    "a word that -e would swallow": "rsync --server --sender -logDtpre . /src/",
    "a cluster without a dash": "rsync --server --sender logDtpre.iLsfxCIvu . /src/",
    "a letter twice": "rsync --server --sender -logDtprxxe.iLsfxCIvu . /src/",
    "abilities with a path": "rsync --server --sender -logDtpre.i/Ls . /src/",
    "no cluster": "rsync --server --sender --numeric-ids . /src/",
    "two folders": f"{PLAIN} . /src/ /src2/",
    "two dots": f"{PLAIN} . . /src/",
    "names, not a folder": f"{PLAIN} . A B",
    "no folder": f"{PLAIN} .",
    "no dot": f"{PLAIN} /src/",
    "a folder without its slash": f"{PLAIN} . /src",
    "a folder that is relative": f"{PLAIN} . src/",
    "the home": f"{PLAIN} . ~/",
    "an empty folder name": f"{PLAIN} . ",
    "two slashes": f"{PLAIN} . //src/",
    "two slashes amid": f"{PLAIN} . /src//a/",
    "a way up": f"{PLAIN} . /src/../etc/",
    "a way up at the end": f"{PLAIN} . /src/..",
    "a dot amid": f"{PLAIN} . /src/./a/",
    "a dot and a way up": f"{PLAIN} . /src/./../",
    "an escaped way up": rf"{PLAIN} . /src/\.\./etc/",
    "as root": f"sudo -n {PLAIN} . /src/",
    "kindly": f"nice {PLAIN} . /src/",
    "another rsync": "/tmp/rsync --server --sender -logDtpre.iLsfxCIvu . /src/",
    "rsync by its path": "/usr/bin/rsync --server --sender -logDtpre.iLsfxCIvu . /src/",
    "rsync alone": "rsync",
    "a client": "rsync -e sh x:y z . /src/",
    "an end of options": f"{PLAIN} -- . /src/",
    "a newline": f"{PLAIN} . /src/\nid",
}


@pytest.mark.parametrize("line", ADMITTED)
def test_what_a_client_sends_for_a_pull_is_rebuilt_word_by_word(line: str) -> None:
    pull = read_request(line.encode())

    assert isinstance(pull, Pull)
    assert pull.path == "/src/"
    words = line.split()
    assert sender_argv(pull, rsync="/usr/bin/rsync", confine_root="/src") == (
        "/usr/bin/rsync",
        *words[1:-2],
        "--confine-root=/src",
        ".",
        "./",
    )


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED.keys())
def test_what_could_do_more_than_read_one_folder_is_refused(line: str) -> None:
    with pytest.raises(Refused) as refused:
        read_request(line.encode())

    assert refused.value.word == "not-understood"


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (rb"/src/sp\ ace/", "/src/sp ace/"),
        (rb"/src/\$\(touch\ x\)/", "/src/$(touch x)/"),
        (rb"/src/\`id\`/", "/src/`id`/"),
        (b"/src/`id`;id|id/", "/src/`id`;id|id/"),
        (b"/src/*/", "/src/*/"),
        (rb"/src/\*/", "/src/*/"),
        (b"/~root/", "/~root/"),
        (b"/-rf/", "/-rf/"),
        ("/src/ä\u202e/".encode(), "/src/ä\u202e/"),
        (b"/", "/"),
    ],
)
def test_a_path_means_its_characters_and_nothing_else(sent: bytes, path: str) -> None:
    pull = read_request(f"{PLAIN} . ".encode() + sent)

    assert isinstance(pull, Pull)
    assert pull.path == path
    assert sender_argv(pull, rsync="/usr/bin/rsync", confine_root=None)[-2:] == (".", "./")


def test_the_abilities_of_the_client_are_not_read_as_options() -> None:
    pull = read_pull(["rsync", "--server", "--sender", "-logDtpre.iLsfxCIvukKE", ".", "/src/"])

    assert (pull.letters, pull.abilities) == ("logDtpr", "iLsfxCIvukKE")


def test_a_list_of_files_is_known_as_one() -> None:
    by_list = [read_pull(line.split()).by_list for line in ADMITTED]

    assert by_list == ["--files-from=-" in line for line in ADMITTED]


def test_without_confinement_no_root_is_named() -> None:
    pull = read_pull(ADMITTED[0].split())

    assert sender_argv(pull, rsync="/usr/bin/rsync", confine_root=None) == (
        "/usr/bin/rsync",
        "--server",
        "--sender",
        CLUSTER,
        ".",
        "./",
    )
