/** A prior beside what is read: found, fetched, put into the viewport next to it, its window kept the same. */

import { effect, signal, untracked } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import { Failure } from "@/dicomweb/http";
import { Tag, text } from "@/dicomweb/json";
import type { Pane } from "@/model/pane";
import { patientStudies } from "@/model/patientStudies";
import { counterpart, personOf, priorsOf, type Prior } from "@/model/priors";
import { besideOf, comparisonLink, studyLink } from "@/model/route";
import type { Workspace } from "@/model/workspace";

export class Comparing {
  readonly priors = signal<readonly Prior[] | undefined>(undefined);
  readonly failed = signal(false);
  /** The study that stands beside. */
  readonly beside = signal<Prior | undefined>(undefined);

  private readonly stops: (() => void)[] = [];
  private looked = false;

  constructor(private readonly workspace: Workspace) {
    this.stops.push(effect(() => {
      const pane = workspace.active.value;
      const { window } = pane.view.value;
      const modality = pane.showing.value?.series.modality;
      if (!this.beside.value || !window) return;
      untracked(() => {
        for (const other of workspace.panes.peek()) {
          const { window: now } = other.view.peek();
          const alike = other !== pane && other.showing.peek()?.series.modality === modality;
          if (!alike || !now || (now.center === window.center && now.width === window.width)) continue;
          other.controls.peek()?.applyPreset({ name: "linked", label: { text: "" }, kind: "values", window });
        }
      });
    }));
    this.stops.push(effect(() => this.lookOnce()), effect(() => this.tellAddress()));
    this.restore(besideOf(globalThis.location?.hash ?? ""));
  }

  /** Those made before the study that is read. */
  get earlierCount(): number {
    const own = this.workspace.study.dataset.value;
    const date = own ? text(own, Tag.StudyDate) : "";
    return (this.priors.value ?? []).filter((prior) => prior.date !== "" && date !== "" && prior.date < date).length;
  }

  /** As soon as a picture stands, which has the link for itself until then. */
  private lookOnce(): void {
    const shown = this.workspace.panes.value.some((pane) => pane.shown.value.kind === "ready");
    if (this.looked || !shown || !this.workspace.study.dataset.value) return;
    this.looked = true;
    void untracked(() => this.look());
  }

  /** The study that the address names stands beside as it did, once something stands to compare it with. */
  private restore(uid: string): void {
    if (uid === "") return;
    let done = false;
    this.stops.push(
      effect(() => {
        const shown = this.workspace.active.value.frame.value;
        const prior = this.priors.value?.find(({ studyInstanceUid }) => studyInstanceUid === uid);
        if (done || !shown || this.priors.value === undefined) return;
        done = true;
        if (prior) untracked(() => void this.show(prior));
      }),
    );
  }

  /** The address names the study beside for as long as it stands there: opening it again shows the same. */
  private tellAddress(): void {
    const { study, panes } = this.workspace;
    const beside = this.beside.value?.studyInstanceUid;
    if (beside === undefined) return;
    const stands = panes.value.some((pane) => pane.showing.value?.series.studyInstanceUid === beside);
    const [hash, link] = [globalThis.location?.hash ?? "", comparisonLink(study.studyInstanceUid, stands ? beside : "")];
    if (hash !== link && hash.startsWith(studyLink(study.studyInstanceUid))) globalThis.history?.replaceState(globalThis.history.state, "", link);
  }

  /** Look for the patient's other studies. */
  async look(): Promise<void> {
    const { study } = this.workspace;
    const dataset = study.dataset.peek();
    const patientId = dataset && text(dataset, Tag.PatientID);
    this.failed.value = false;
    if (!dataset || !patientId) {
      this.priors.value = [];
      return;
    }
    try {
      const [{ studies }, parts] = await Promise.all([patientStudies(study.web.http, study.studyInstanceUid), study.web.bodyPartsOf(patientId)]);
      const modalities = study.series.peek().map(({ modality }) => modality);
      this.priors.value = priorsOf(personOf(dataset), study.studyInstanceUid, modalities, studies, parts);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.failed.value = true;
    }
  }

  /** The series of the newest earlier study that is surely of this patient and has such pictures; none when there is none to be had. */
  async earlier(): Promise<readonly SeriesSummary[]> {
    const { study } = this.workspace;
    await this.look();
    const dataset = study.dataset.peek();
    const date = dataset ? text(dataset, Tag.StudyDate) : "";
    const modalities = new Set(study.series.peek().map(({ modality }) => modality));
    const found = this.priors.peek()?.find((prior) => {
      const isAlike = prior.modalities.some((modality) => modalities.has(modality));
      return isAlike && prior.sameness === "same" && prior.date !== "" && prior.date <= date;
    });
    if (!found) return [];
    try {
      return await study.web.series(found.studyInstanceUid);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return [];
    }
  }

  /** The viewport that shows the study that is read, the active one first: another prior never takes its place. */
  private standing(): Pane {
    const { active, panes, study } = this.workspace;
    const own = [active.peek(), ...panes.peek()].find((pane) => pane.showing.peek()?.series.studyInstanceUid === study.studyInstanceUid);
    return own ?? active.peek();
  }

  /** Put the prior's series which is most like the active one beside it. */
  async show(prior: Prior): Promise<void> {
    const { workspace } = this;
    const pane = this.standing();
    const shown = pane.showing.peek();
    const imageIndex = pane.imageIndex.peek();
    if (!shown) return;
    try {
      const other = counterpart(shown.series, await workspace.study.web.series(prior.studyInstanceUid));
      if (!other) {
        this.failed.value = true;
        return;
      }
      workspace.setLayout(1, 2);
      const [left, right] = workspace.panes.peek();
      if (!left || !right) return;
      workspace.show({ kind: "stack", series: other }, right);
      workspace.show(shown, left);
      left.goTo(imageIndex);
      this.beside.value = prior;
      if (other.modality === shown.series.modality) workspace.linking.byPosition();
      workspace.menu.value = undefined;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.failed.value = true;
    }
  }

  /** Take away what stands beside: what is read has the screen. */
  end(): void {
    const { workspace } = this;
    workspace.activate(this.standing());
    workspace.setLayout(1, 1);
    this.beside.value = undefined;
    workspace.menu.value = undefined;
  }

  close(): void {
    for (const stop of this.stops) stop();
  }
}
