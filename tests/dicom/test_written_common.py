"""What every object written here has in common."""

from __future__ import annotations

import threading
import warnings

from pacs.dicom.written.common import quiet


def test_who_writes_at_the_same_time_leaves_warnings_as_they_were() -> None:
    before = list(warnings.filters)
    first_is_in, second_is_in = threading.Event(), threading.Event()

    def first() -> None:
        with quiet(), quiet():
            first_is_in.set()
            second_is_in.wait(0.2)  # which it is not as long as this one is

    def second() -> None:
        first_is_in.wait(5)
        with quiet():
            second_is_in.set()
            writers[0].join(0.2)

    writers = [threading.Thread(target=first), threading.Thread(target=second)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(5)
    assert list(warnings.filters) == before
