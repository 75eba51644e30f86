"""Telling how far a run is, by whoever does one of many things."""

from typing import Any

from tasks.session.progress import listen, report, report_one_more


def test_who_does_one_of_many_tells_of_it_and_who_counts_them_tells_of_their_end() -> None:
    heard: list[tuple[Any, ...]] = []
    with listen(lambda *said: heard.append(said)):
        report_one_more("Conv2D_1")  # nobody has said of how many
        report("Conv2D_1", 1, 5, "1 failed", of="maps", there=1)
        report("Conv2D_2", 0, 9, of="maps")
        report_one_more("Conv2D_1")
        report_one_more("Conv2D_1", there=True)
        report_one_more("Conv2D_1")  # the last one
        report("Conv2D_1", 5, 5, "", of="maps", there=2)
        report_one_more("Conv2D_1")  # it is over
    assert heard == [
        ("Conv2D_1", 1, 5, "1 failed", "maps", 1),
        ("Conv2D_2", 0, 9, "", "maps", 0),
        ("Conv2D_1", 2, 5, "1 failed", "maps", 1),
        ("Conv2D_1", 3, 5, "1 failed", "maps", 2),
        ("Conv2D_1", 4, 5, "1 failed", "maps", 2),
        ("Conv2D_1", 5, 5, "", "maps", 2),
    ]
