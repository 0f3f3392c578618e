/** A prior beside what is read: found, fetched, put into the viewport next to it, its window kept the same. */

import { effect, signal, untracked } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import { Failure } from "@/dicomweb/http";
import { Tag, text } from "@/dicomweb/json";
import { kindOf } from "@/model/alike";
import { writeAddress } from "@/model/layers";
import { once } from "@/model/once";
import type { Pane } from "@/model/pane";
import { patientStudies } from "@/model/patientStudies";
import { counterpart, personOf, priorsOf, type Prior } from "@/model/priors";
import { besideOf, comparisonLink, studyLink } from "@/model/route";
import { WindowLinking } from "@/model/windowLinking";
import type { Workspace } from "@/model/workspace";

/** An earlier study of the patient, with its series. */
interface Earlier {
  readonly prior: Prior;
  readonly series: readonly SeriesSummary[];
  /** The address names it. */
  readonly isNamed: boolean;
}

export class Comparing {
  readonly priors = signal<readonly Prior[] | undefined>(undefined);
  readonly failed = signal(false);
  /** The study that stands beside. */
  readonly beside = signal<Prior | undefined>(undefined);

  private readonly stops: (() => void)[] = [];
  private readonly named = besideOf(globalThis.location?.hash ?? "");
  private looked = false;

  constructor(private readonly workspace: Workspace) {
    const windows = new WindowLinking(workspace, () => this.beside.value !== undefined);
    this.stops.push(() => windows.close());
    this.stops.push(effect(() => this.lookOnce()), effect(() => this.tellAddress()));
    this.restore(this.named);
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
    this.stops.push(
      once(
        () => this.workspace.active.value.frame.value !== undefined && this.priors.value !== undefined,
        () => {
          const prior = this.priors.peek()?.find(({ studyInstanceUid }) => studyInstanceUid === uid);
          if (prior && !this.workspace.hanger.beside.isWanted) void this.show(prior); // else it is hung
        },
      ),
    );
  }

  /** The address names the study beside for as long as it stands there: opening it again shows the same. */
  private tellAddress(): void {
    const { study, panes } = this.workspace;
    const beside = this.beside.value?.studyInstanceUid;
    if (beside === undefined) return;
    const stands = panes.value.some((pane) => pane.showing.value?.series.studyInstanceUid === beside);
    const [hash, link] = [globalThis.location?.hash ?? "", comparisonLink(study.studyInstanceUid, stands ? beside : "")];
    if (hash !== link && hash.startsWith(studyLink(study.studyInstanceUid))) writeAddress(link);
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

  /** The study that the address names, else the newest earlier one surely of this patient with such pictures of the same part; its series. */
  async earlier(): Promise<Earlier | undefined> {
    const { study } = this.workspace;
    await this.look();
    const dataset = study.dataset.peek();
    const date = dataset ? text(dataset, Tag.StudyDate) : "";
    const kinds = new Set(study.series.peek().map(({ modality }) => kindOf(modality)));
    const priors = this.priors.peek() ?? [];
    const named = priors.find(({ studyInstanceUid }) => studyInstanceUid === this.named);
    const prior =
      named ??
      priors.find((one) => {
        const isAlike = !one.isElsewhere && one.modalities.some((modality) => kinds.has(kindOf(modality)));
        return isAlike && one.sameness === "same" && one.date !== "" && one.date <= date;
      });
    if (!prior) return undefined;
    try {
      return { prior, series: await study.web.series(prior.studyInstanceUid), isNamed: named !== undefined };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.failed.value = true;
      return undefined;
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
      workspace.hanger.beside.hung = false;
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
    if (workspace.hanger.beside.hung) return workspace.hanger.alone();
    workspace.activate(this.standing());
    workspace.setLayout(1, 1);
    this.beside.value = undefined;
    workspace.menu.value = undefined;
  }

  close(): void {
    for (const stop of this.stops) stop();
  }
}
