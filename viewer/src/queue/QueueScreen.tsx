/** What is sent to other systems and fetched from them, how far it is, and why something does not go on. */

import { useEffect, useState } from "preact/hooks";

import { isMessage, n, t } from "@/i18n";
import { formatDate, formatMoment } from "@/i18n/format";
import type { App } from "@/model/app";
import { follow } from "@/model/layers";
import type { Job, Pause, Queue } from "@/model/queue";
import { QUEUE_LINK, studyLink } from "@/model/route";
import { NodeWords } from "@/ui/NodeWords";
import { PageFrame } from "@/ui/PageFrame";
import { codeWords } from "@/ui/refusals";

const REFRESHED_EVERY_MS = 3000;

export function QueueScreen({ app }: { readonly app: App }) {
  const { queue } = app;
  const route = app.route.value;
  useEffect(() => {
    void queue.load();
    const timer = setInterval(() => {
      if (!document.hidden) void queue.load();
    }, REFRESHED_EVERY_MS);
    return () => clearInterval(timer);
  }, [queue]);
  const { state } = app.session;
  const manages = state.value.kind === "signed-in" && state.value.user.roles.includes("admin");
  return (
    <PageFrame name="queue" heading="queue.heading" content={queue}>
      {route.screen === "queue" && route.studyInstanceUid && (
        <SendForm queue={queue} studyInstanceUid={route.studyInstanceUid} />
      )}
      {queue.loaded.value ? <Jobs queue={queue} manages={manages} /> : !queue.failure.value && <p class="muted">{t("app.loading")}</p>}
    </PageFrame>
  );
}

interface SendFormProps {
  readonly queue: Queue;
  readonly studyInstanceUid: string;
}

/** Orders that a study is sent; what becomes of it is told by the list below. */
function SendForm({ queue, studyInstanceUid }: SendFormProps) {
  const [destination, setDestination] = useState("");
  useEffect(() => {
    void queue.loadDestinations();
    void queue.loadStudy(studyInstanceUid);
  }, [queue, studyInstanceUid]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!(await queue.send(studyInstanceUid, destination))) return;
    follow(QUEUE_LINK);
    await queue.show(true); // it may be done by now
  };
  return (
    <form class="device device-form send-form" data-testid="send-form" onSubmit={(event) => void submit(event)}>
      {queue.study.value.length > 0 && (
        <p class="send-study" data-testid="send-study">
          <strong>{queue.study.value[0]}</strong> <span class="muted">{queue.study.value.slice(1).join(" · ")}</span>
        </p>
      )}
      <label class="field">
        <span>{t("queue.send.to")}</span>
        <select
          name="destination"
          required
          value={destination}
          onChange={(event) => setDestination(event.currentTarget.value)}
        >
          <option value="">–</option>
          {queue.destinations.value.map(({ aeTitle, description }) => (
            <option key={aeTitle} value={aeTitle}>
              {description ? `${aeTitle} · ${description}` : aeTitle}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="button primary" disabled={destination === ""}>
        {t("queue.send.submit")}
      </button>
      <a class="button quiet" href={studyLink(studyInstanceUid)}>
        {t("queue.study")}
      </a>
    </form>
  );
}

interface JobsProps {
  readonly queue: Queue;
  /** Whether whoever looks may change anything. */
  readonly manages: boolean;
}

function Jobs({ queue, manages }: JobsProps) {
  const { jobs, pauses } = queue;
  const allPaused = pauses.value.some((pause) => !pause.kind && !pause.destination);
  return (
    <>
      <section class="queue-controls">
        <label class="check">
          <input
            type="checkbox"
            data-testid="queue-everything"
            checked={queue.everything.value}
            onChange={(event) => void queue.show(event.currentTarget.checked)}
          />
          {t("queue.everything")}
        </label>
        {manages && !allPaused && (
          <button type="button" class="button" data-testid="queue-pause" onClick={() => void queue.pauseEverything()}>
            {t("queue.pause")}
          </button>
        )}
      </section>
      {pauses.value.map((pause) => (
        <PauseNote key={`${pause.kind} ${pause.destination}`} queue={queue} pause={pause} manages={manages} />
      ))}
      <section>
        {jobs.value.length === 0 && <p class="muted">{t(queue.everything.value ? "queue.none" : "queue.idle")}</p>}
        {jobs.value.map((job) => (
          <JobCard key={job.id} queue={queue} job={job} manages={manages} />
        ))}
      </section>
    </>
  );
}

function PauseNote({ queue, pause, manages }: JobsProps & { readonly pause: Pause }) {
  return (
    <section class="device" data-testid="queue-pause-note">
      <p>
        <strong>{t("queue.paused")}</strong> {pause.kind ? kindWord(pause.kind) : t("queue.paused.everything")}
        {pause.destination && ` → ${pause.destination}`} <span class="muted">{formatMoment(pause.since, new Date())}</span>
      </p>
      {manages && (
        <button type="button" class="button" data-testid="queue-resume" onClick={() => void queue.resume(pause)}>
          {t("queue.resume")}
        </button>
      )}
    </section>
  );
}

function JobCard({ queue, job, manages }: JobsProps & { readonly job: Job }) {
  const now = new Date();
  const waits = job.state === "queued" && job.attempts > 0 && new Date(job.notBefore) > now;
  return (
    <article class="device job" data-testid="job" data-state={job.state}>
      <p>
        <strong>{kindWord(job.kind)}</strong> {job.kind === "fetch" ? "←" : "→"} {job.destination}
        <span class="job-state"> {t(`queue.state.${job.state}`)}</span>
      </p>
      {job.studyInstanceUid && (
        <p>
          <a href={studyLink(job.studyInstanceUid)}>{job.patientName || t("queue.study")}</a>{" "}
          <span class="muted">{formatDate(job.studyDate)}</span>
        </p>
      )}
      {job.total > 0 && (
        <p class="job-progress">
          <progress value={job.done} max={job.total} aria-label={t("queue.progress")} />
          <span data-testid="job-progress">
            {n(job.done)} / {n(job.total)}
          </span>
        </p>
      )}
      <p class="muted">
        {[
          job.by && t("queue.by", { name: job.by }),
          t("queue.since", { moment: formatMoment(job.createdAt, now) }),
          job.attempts > 1 && t("queue.attempts", { count: n(job.attempts) }),
          waits && t("queue.next", { moment: formatMoment(job.notBefore, now) }),
          job.finishedAt && t("queue.finished", { moment: formatMoment(job.finishedAt, now) }),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {job.lastError && job.state !== "done" && (
        <div data-testid="job-error">
          <p class={job.state === "dead" ? "bad" : "muted"}>{codeWords(job.lastErrorCode) ?? t("queue.failed")}</p>
          <NodeWords words={job.lastError} />
        </div>
      )}
      {manages && <Actions queue={queue} job={job} />}
    </article>
  );
}

function Actions({ queue, job }: { readonly queue: Queue; readonly job: Job }) {
  const again = job.state === "dead" || job.state === "cancelled" || (job.state === "queued" && job.attempts > 0);
  const open = job.state === "dead" || job.state === "queued" || job.state === "running";
  if (!again && !open) return null;
  return (
    <div class="device-actions">
      {again && (
        <button type="button" class="button" data-testid="job-retry" onClick={() => void queue.retry(job.id)}>
          {t("queue.retry")}
        </button>
      )}
      {open && (
        <button type="button" class="button quiet" data-testid="job-cancel" onClick={() => void queue.cancel(job.id)}>
          {t("queue.cancel")}
        </button>
      )}
    </div>
  );
}

/** What kind of job it is; the node's own name where the catalogue has no word for it. */
function kindWord(kind: string): string {
  const key = `queue.kind.${kind}`;
  return isMessage(key) ? t(key) : kind;
}
