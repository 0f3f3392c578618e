"""`pacs queue`: what is still to be done with other systems."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pacs.cli.command import do, group
from pacs.console import print_table
from pacs.errors import SuretError

app = group("What is still to be done with other systems: sends, fetches, commitments, notifications.")

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, as `pacs queue list` shows it.")]
Kind = Annotated[str, typer.Option(help="Only this kind: send, fetch, availability, commitment_result, …")]
To = Annotated[str, typer.Option("--to", metavar="TITLE", help="Only what has to do with this AE title.")]

COLUMNS = ("id", "kind", "destination", "study_instance_uid", "state", "progress", "attempts", "last_error")


@app.command("list")
def listing(
    every: Annotated[bool, typer.Option("--all", help="What is done or was cancelled too.")] = False,
    kind: Kind = "",
    to: To = "",
    study: Annotated[str, typer.Option(metavar="UID", help="Only of this study.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line each, with everything.")] = False,
) -> None:
    """List jobs that wait, run or are dead, and what is paused; the newest first."""
    states = [] if every else ["queued", "running", "dead"]
    found = do("queue.list", states=states, kind=kind, destination=to, study_instance_uid=study, limit=limit)
    if as_json:
        for job in found:
            print(json.dumps(job, ensure_ascii=False))
        return
    print_table([{**job, "progress": progress_of(job)} for job in found], COLUMNS)
    for pause in do("queue.pauses"):
        what = f"{pause['kind'] or 'everything'} to {pause['destination'] or 'everybody'}"
        print(f"paused since {pause['since']}: {what}")


@app.command("show")
def show(job: JobId) -> None:
    """Show one job as JSON, with its whole reason and progress."""
    print(json.dumps(do("queue.show", id=job), ensure_ascii=False, indent=2))


@app.command("pause")
def pause(kind: Kind = "", to: To = "") -> None:
    """Begin no more jobs, of all kinds to everybody unless said otherwise; what runs goes on to its end."""
    do("queue.pause", kind=kind, destination=to)
    print(f"{kind or 'Everything'} to {to or 'everybody'} is paused.")


@app.command("resume")
def resume(kind: Kind = "", to: To = "") -> None:
    """Take back a pause, named as it was made."""
    do("queue.resume", kind=kind, destination=to)
    print(f"{kind or 'Everything'} to {to or 'everybody'} goes on.")


@app.command("retry")
def retry(
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="The job's id.")] = "",
    dead: Annotated[bool, typer.Option("--dead", help="Every job that is dead instead of one.")] = False,
    to: To = "",
) -> None:
    """Do a job now that is dead, was cancelled or waits for its next attempt."""
    if bool(job) == dead:
        raise typer.BadParameter("name one job, or --dead for all that are dead", param_hint="JOB")
    identifiers = [job] if job else [one["id"] for one in do("queue.list", states=["dead"], destination=to, limit=1000)]
    done = 0
    for identifier in identifiers:
        try:
            do("queue.retry", id=identifier)
            done += 1
        except SuretError:
            if job:
                raise
    print(f"{done} of {len(identifiers)} will be done again.")


@app.command("cancel")
def cancel(job: JobId) -> None:
    """End a job that is not done; one that runs stops within seconds, and what was sent stays sent."""
    do("queue.cancel", id=job)
    print(f"{job} is cancelled.")


def progress_of(job: dict[str, Any]) -> str:
    """The progress of a job in a few words."""
    progress = job["progress"]
    if "total" in progress:
        return f"{progress.get('sent', progress.get('here', 0))}/{progress['total']}"
    if "committed" in progress:
        return f"{progress['committed']} committed, {progress['failed']} not"
    return ""
