"""The modality worklist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.node import Core


def _mwl_add(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.scheduled import ScheduledSteps  # not at the top: most commands only ask the node that runs

    return ScheduledSteps(core.archive).add(arguments["document"], by=OPERATOR)


def _mwl_list(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.scheduled import START, ScheduledSteps
    from pacs.dicom.keys import Keys

    keys = arguments["keys"]
    found = ScheduledSteps(core.archive).matching(keys, Keys(keys, (START,)))
    return [entry for entry, _ in zip(found, range(arguments["limit"]), strict=False)]


def _mwl_remove(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.scheduled import ScheduledSteps

    ScheduledSteps(core.archive).remove(arguments["study_instance_uid"], arguments["step_id"], by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "mwl.add": _mwl_add,
    "mwl.list": _mwl_list,
    "mwl.remove": _mwl_remove,
}
