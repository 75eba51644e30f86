"""Whose a temporary file is."""

import os

from storage.collection.writers import has_died, temporary_name


def test_a_name_tells_whether_the_process_that_gave_it_lives(tmp_path):
    names = tmp_path / "names"
    child = os.fork()
    if child == 0:
        names.write_text(temporary_name(".h5"))
        os._exit(0)
    os.waitpid(child, 0)
    theirs, ours = names.read_text(), temporary_name()
    assert has_died(theirs) is True
    assert has_died(ours) is False
    machine, process, _, rest = ours.split("-")
    assert has_died(f"{machine}-{process}-17-{rest}") is True, "the number of a process was used again"


def test_of_another_machines_and_older_names_it_is_not_known(tmp_path):
    _, process, started, rest = temporary_name().split("-")
    for name in (f"{'0' * 12}-{process}-{started}-{rest}", f"{process}-0123456789abcdef", "probe"):
        assert has_died(name) is None
