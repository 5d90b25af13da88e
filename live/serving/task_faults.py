"""What the board says of threads and tasks that fail, here and in the sidecars."""

from collections.abc import Iterable
from typing import Any

from storage.connection.supervision import TaskHealth, TaskState
from storage.feeds.background_tasks import ReportedTask


def task_fault_messages(
    healths: Iterable[TaskHealth], reported: Iterable[ReportedTask], here: str
) -> list[dict[str, Any]]:
    """Each failing task as the status message has it; those that the live board needs stand first.

    here: this process, whose own report in the store is older than its healths.
    """
    ours = [
        _fault_message("this web server", health.task.name, health.task.fault, health.reason, health.task.needed_live)
        for health in healths
        if health.state != TaskState.RUNNING
    ]
    others = [
        _fault_message(task.process, task.task, task.fault, task.reason, task.needed_live)
        for task in reported
        if task.is_failing and task.process != here
    ]
    return sorted((*ours, *others), key=lambda said: not said["needed_live"])


def _fault_message(process: str, task: str, fault: str, reason: str, needed_live: bool) -> dict[str, Any]:
    return {"process": process, "task": task, "fault": fault, "reason": reason, "needed_live": needed_live}
