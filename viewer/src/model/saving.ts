/** What the reader measured and marked, against what the archive has of it: shown again, told unsaved, saved. */

import { batch, computed, effect, signal, untracked } from "@preact/signals";

import { instanceOf, type InstanceAddress } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { Failure, isOutOfReach } from "@/dicomweb/http";
import { isOwn, Tag, text, type Dataset } from "@/dicomweb/json";
import { reachable } from "@/dicomweb/reach";
import { isSameMeasured, measurementsOf, seriesOfImages, type Measured, wireForm } from "@/dicomweb/measured";
import { curvesOf } from "@/model/curvesSaved";
import { list, record, string } from "@/model/decode";
import { imageOf, isCovered, learnAbsent, NONE_LEFT_OUT, type LeftOut } from "@/model/leftOut";
import { currentReports, keysOf, remarksIn, reportsOf } from "@/model/remarks";
import { SeenImages } from "@/model/seenImages";
import type { OpenStudy } from "@/model/study";
import { newRequestId, Unanswered } from "@/model/unanswered";
import type { Workspace } from "@/model/workspace";
import type { Errand, ErrandKind } from "@/offline/errands";
import type { ViewportModule } from "@/viewport/contract";

export type SavingState =
  | { readonly kind: "idle" }
  | { readonly kind: "saving" }
  | { readonly kind: "saved" }
  /** Nothing is sent until the reader, told so, goes on without it. */
  | { readonly kind: "held"; readonly leftOut: LeftOut }
  /** Kept on this device until the node can be reached. */
  | { readonly kind: "waiting" }
  | { readonly kind: "failed"; readonly failure: Failure };

const FRAME_OF_REFERENCE_UID = "00200052";
const SETTLE_MS = 150;

interface Plan {
  readonly measurements: readonly Measured[] | undefined;
  readonly keyImages: readonly string[] | undefined;
  readonly leftOut: LeftOut;
}

type Remarks = "measurements" | "key-images";

export class Saving {
  readonly state = signal<SavingState>({ kind: "idle" });
  /** On the screen's images, as they are now. */
  readonly measured = signal<readonly Measured[]>([]);

  /** What was drawn that cannot be saved: on planes of images without a frame of reference, and on another study's images. */
  readonly nowhere = signal(0);
  readonly elsewhere = signal(0);

  /** The objects of the study that tell of other objects, as they are read. */
  readonly objects = computed<readonly Dataset[]>(() => {
    const { study } = this.workspace;
    if (!study.firstPicture.settled.value) return []; // the first picture has the link for itself
    return remarksIn(study.series.value, study.library, study.mixed.value.read);
  });

  /** What the archive has: measurements by UID, and key images. */
  private readonly archived = signal<ReadonlyMap<string, Measured>>(new Map());
  private readonly archivedKeys = signal<ReadonlySet<string>>(new Set());
  /** What it will have, once what waits on this device is sent. */
  private readonly kept = computed<ReadonlyMap<string, Measured>>(() => {
    const errand = this.errandOf("measurements");
    return errand && !errand.refusal ? this.withForeign(errand.shown as readonly Measured[]) : this.archived.value;
  });
  private readonly keptKeys = computed<ReadonlySet<string>>(() => {
    const errand = this.errandOf("key-images");
    return errand && !errand.refusal ? new Set(errand.shown as readonly string[]) : this.archivedKeys.value;
  });
  private readonly placed = signal<ReadonlySet<string>>(new Set());

  /** On images of the study that were rejected or deleted since they were looked at. */
  private readonly hidden = signal<readonly Measured[]>([]);
  /** How many of those the archive does not have as they are: they come back with their images. */
  readonly withdrawn = computed(() => this.hidden.value.filter((one) => !isSameMeasured(one, this.kept.value.get(one.uid))).length);

  readonly measurementsChanged = computed(() => {
    const { value: kept } = this.kept;
    const now = new Set([...this.measured.value, ...this.hidden.value].map(({ uid }) => uid));
    return (
      this.measured.value.some((one) => !isSameMeasured(one, kept.get(one.uid))) ||
      [...kept.values()].some(({ uid, foreign }) => !foreign && this.placed.value.has(uid) && !now.has(uid))
    );
  });
  readonly keyImagesChanged = computed(() => {
    const [now, kept] = [this.workspace.keyImages.value, this.keptKeys.value];
    return now.size !== kept.size || [...now].some((key) => !kept.has(key));
  });
  readonly unsaved = computed(() => this.measurementsChanged.value || this.keyImagesChanged.value);

  private reports: readonly InstanceAddress[] = [];
  private lastReport = "";
  private recalled = false;
  private readonly images = new SeenImages();
  private readonly unanswered = new Unanswered<Remarks>();
  /** The diagnostic viewport, once it is here. */
  readonly module = signal<ViewportModule | undefined>(undefined);
  private readonly stops: (() => void)[];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly workspace: Workspace) {
    this.stops = [
      effect(() => {
        const errand = this.errandOf("key-images"); // this device may tell of it after the study is on the screen
        untracked(() => this.recall(errand));
      }),
      this.study.errands?.follow((errand, answer) => this.delivered(errand, answer)) ?? (() => {}),
      effect(() => {
        for (const { points, name } of workspace.curves.laid.value) void [points.value, name.value];
        untracked(() => this.lookSoon());
      }),
      effect(() => {
        const { value: objects } = this.objects;
        untracked(() => this.read(objects));
      }),
      effect(() => {
        const shown = workspace.panes.value.map((pane) => pane.content.value.frames);
        const [module, kept, errand] = [this.module.value, this.kept.value, this.errandOf("measurements")];
        void this.study.series.value; // one may be gone
        // what the node refused is drawn all the same
        const drawn = errand?.refusal ? this.withForeign(errand.shown as readonly Measured[]) : kept;
        untracked(() => this.show(shown, module, drawn));
      }),
    ];
  }

  private get study(): OpenStudy {
    return this.workspace.study;
  }

  /** The diagnostic viewport is here. */
  attach(module: ViewportModule): void {
    if (this.module.peek()) return;
    this.module.value = module;
    this.stops.push(module.followMeasurements(() => this.lookSoon()));
  }

  /** Save what has changed; `told`: without what it was held for. Never raises; `state` tells. */
  async save(told = false): Promise<void> {
    const before = this.state.peek();
    if (before.kind === "saving") return;
    this.state.value = { kind: "saving" };
    await this.settle();
    if (!this.unsaved.peek()) {
      this.state.value = before.kind === "held" ? { kind: "idle" } : before;
      return;
    }
    try {
      if (reachable.peek()) await this.study.errands?.send(); // what is saved now takes the place of what is on its way
      await this.unanswered.settle(
        ({ what, body }) => this.study.web.save(this.study.studyInstanceUid, what, body),
        ({ what, shown }, made) => this.taken(what, made, shown),
      );
      const { measurements, keyImages, leftOut } = await this.plan();
      if (!isCovered(leftOut, told && before.kind === "held" ? before.leftOut : NONE_LEFT_OUT)) {
        this.state.value = { kind: "held", leftOut };
        return;
      }
      const measured = !measurements || (await this.saveMeasurements(measurements));
      const marked = !keyImages || (await this.saveKeyImages(keyImages, leftOut.keyImages));
      this.state.value = { kind: measured && marked ? "saved" : "waiting" };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.state.value = { kind: "failed", failure: error };
    }
  }

  /** The last stroke may be younger than the last look, and its click not yet drawn. */
  async settle(): Promise<void> {
    await this.module.peek()?.settled();
    this.look();
  }

  /** The series of an image that was looked at or that objects of the study speak of. */
  seriesOf(sopInstanceUid: string): string | undefined {
    return this.images.seriesOf(sopInstanceUid);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const stop of this.stops) stop();
  }

  /** What is to be written, undefined where nothing of the kind has changed. Raises Failure. */
  private async plan(): Promise<Plan> {
    const [ofMeasurements, ofKeys] = [this.measurementsChanged.peek(), this.keyImagesChanged.peek()];
    const kept = this.kept.peek();
    const marked = ofKeys ? [...this.workspace.keyImages.peek()] : [];
    // what lies on images that were not opened is carried over as it is
    const unseen = ofMeasurements ? [...kept.values()].filter(({ uid, foreign }) => !foreign && !this.placed.peek().has(uid)) : [];
    const drawn = ofMeasurements ? [...this.measured.peek(), ...this.hidden.peek()] : [];
    const here = new Set(this.images.here.map(({ sopInstanceUid }) => sopInstanceUid));
    const named = [...[...drawn, ...unseen].map(({ sopInstanceUid }) => sopInstanceUid), ...marked.map(imageOf)];
    await learnAbsent(this.study, named.filter((uid) => !here.has(uid)), this.images.absent);
    this.look();
    const isLost = ({ sopInstanceUid }: Measured): boolean => this.images.isAbsent(sopInstanceUid);
    const withdrawn = ofMeasurements ? this.hidden.peek().filter(({ uid }) => kept.has(uid)) : [];
    const lost = marked.filter((key) => this.images.isAbsent(imageOf(key)));
    return {
      measurements: ofMeasurements ? [...this.measured.peek(), ...unseen.filter((one) => !isLost(one))] : undefined,
      keyImages: ofKeys ? marked.filter((key) => !lost.includes(key)) : undefined,
      leftOut: { measurements: [...withdrawn, ...unseen.filter(isLost)].map(({ uid }) => uid), keyImages: lost },
    };
  }

  /** Whether the node has it; else it waits. */
  private async saveMeasurements(all: readonly Measured[]): Promise<boolean> {
    const kept = this.kept.peek();
    const body = {
      measurements: all.map((one) => {
        // figures of earlier where its image was not looked at since
        const { figures, partial = false } = one.figures.length > 0 ? one : (kept.get(one.uid) ?? one);
        return { ...wireForm(one), label: one.label, figures, partly_outside: partial };
      }),
      replaces: this.reports.map((report) => ({
        series_instance_uid: report.seriesInstanceUid,
        sop_instance_uid: report.sopInstanceUid,
      })),
    };
    this.placed.value = new Set([...this.placed.peek(), ...this.measured.peek().map(({ uid }) => uid)]); // whatever becomes of it, it is drawn
    return this.send("measurements", body, all);
  }

  private async saveKeyImages(marked: readonly string[], lost: readonly string[]): Promise<boolean> {
    this.recalled = true; // what is on the screen is newer
    const images = marked.map((key) => {
      const [uid = "", frame = "*"] = key.split("#");
      const frameNumber = frame === "*" ? null : Number(frame);
      return { series_instance_uid: this.images.seriesOf(uid) ?? "", sop_instance_uid: uid, frame_number: frameNumber };
    });
    const isThere = await this.send("key-images", { images }, marked);
    this.workspace.keyImages.value = new Set([...this.workspace.keyImages.peek()].filter((key) => !lost.includes(key)));
    return isThere;
  }

  /** Whether the node has it; else it is kept until it can be reached. Raises Failure where it is not kept. */
  private async send(what: Remarks, values: object, shown: readonly unknown[]): Promise<boolean> {
    const { web, studyInstanceUid, errands } = this.study;
    const body = { ...values, request_id: newRequestId() };
    const before = this.errandOf(what);
    // what had no answer yet goes first: the node has to be told what this replaces
    const waits = (before !== undefined && !before.refusal) || !reachable.peek();
    if (waits && errands?.keep(studyInstanceUid, what, body, { shown })) return false;
    try {
      const made = await web.save(studyInstanceUid, what, body);
      errands?.drop(studyInstanceUid, what);
      this.taken(what, made, shown);
      return true;
    } catch (error) {
      if (error instanceof Failure && isOutOfReach(error)) {
        if (errands?.keep(studyInstanceUid, what, body, { shown, sent: true })) return false;
        this.unanswered.keep({ what, body, shown });
      }
      throw error;
    }
  }

  private errandOf(kind: ErrandKind): Errand | undefined {
    return this.study.errands?.of(this.study.studyInstanceUid, kind);
  }

  /** What was done here earlier and waits, or was refused: it is on the screen again. */
  private recall(marked: Errand | undefined): void {
    if (!marked || this.recalled) return;
    this.recalled = true;
    this.exchangeKeys(this.archivedKeys.peek(), new Set(marked.shown as readonly string[]));
    for (const image of list(record(marked.body)["images"]).map(record)) this.images.learn(string(image["sop_instance_uid"]), string(image["series_instance_uid"]));
  }

  /** The node has taken what waited. */
  private delivered(errand: Errand, answer: unknown): void {
    if (errand.studyInstanceUid !== this.study.studyInstanceUid || (errand.kind !== "measurements" && errand.kind !== "key-images")) return;
    this.taken(errand.kind, instanceOf(answer), errand.shown);
    if (this.state.peek().kind === "waiting") this.state.value = { kind: "saved" };
  }

  /** The archive has this now, in this object. */
  private taken(kind: ErrandKind, made: InstanceAddress, shown: readonly unknown[]): void {
    if (kind === "key-images") this.archivedKeys.value = new Set(shown as readonly string[]);
    if (kind !== "measurements") return;
    this.reports = [made];
    this.lastReport = made.sopInstanceUid;
    this.archived.value = this.withForeign(shown as readonly Measured[]);
  }

  /** With what others measured. */
  private withForeign(own: readonly Measured[]): ReadonlyMap<string, Measured> {
    const foreign = [...this.archived.value.values()].filter((one) => one.foreign);
    return new Map([...foreign, ...own].map((one) => [one.uid, one]));
  }

  private lookSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), SETTLE_MS);
  }

  private look(): void {
    const module = this.module.peek();
    const { here: own, gone } = this.images;
    const drawn = module?.measuredOn(own).filter(({ foreign }) => !foreign) ?? [];
    const here = new Set(drawn.map(({ uid }) => uid));
    const others = this.workspace.beside.frames.peek();
    const curves = curvesOf(this.workspace.curves, {
      listed: new Set(this.study.series.peek().map(({ seriesInstanceUid }) => seriesInstanceUid)),
      wasHere: ({ seriesInstanceUid, uid }) => this.images.wasKnown(seriesInstanceUid) || this.placed.peek().has(uid),
      seen: this.images,
    });
    const hidden = gone.length > 0 ? (module?.measuredOn(gone) ?? []) : [];
    batch(() => {
      this.hidden.value = [...hidden.filter(({ foreign, uid }) => !foreign && !here.has(uid)), ...curves.gone];
      this.measured.value = [...drawn, ...curves.measured];
      this.nowhere.value = (module?.nowhereOn(own) ?? 0) + curves.nowhere;
      this.elsewhere.value = (module?.measuredOn(others).filter(({ foreign, uid }) => !foreign && !here.has(uid)).length ?? 0) + curves.elsewhere;
    });
  }

  /** They wait for no image. */
  private placeCurves(curves: readonly Measured[]): void {
    const before = this.placed.peek();
    if (curves.every(({ uid }) => before.has(uid))) return;
    batch(() => {
      this.workspace.curves.place(curves);
      this.placed.value = new Set([...before, ...curves.map(({ uid }) => uid)]);
      this.look();
    });
  }

  /** Take in what the archive has. */
  private read(objects: readonly Dataset[]): void {
    for (const object of objects) for (const [image, series] of seriesOfImages(object)) this.images.learn(image, series);
    this.readReports(reportsOf(objects));
    this.readKeys(keysOf(objects));
  }

  private readReports(reports: readonly Dataset[]): void {
    const current = currentReports(reports);
    const own = current.filter(isOwn).map((report) => ({
      seriesInstanceUid: text(report, Tag.SeriesInstanceUID),
      sopInstanceUid: text(report, Tag.SOPInstanceUID),
    }));
    // an answer that is older than what was saved since
    if (this.lastReport !== "" && !reports.some((report) => text(report, Tag.SOPInstanceUID) === this.lastReport)) return;
    this.reports = own;
    this.archived.value = new Map(current.flatMap(measurementsOf).map((one) => [one.uid, one]));
  }

  private readKeys(keys: ReadonlySet<string>): void {
    const before = this.keptKeys.peek();
    batch(() => {
      this.archivedKeys.value = keys;
      this.exchangeKeys(before, this.keptKeys.peek());
    });
  }

  /** The screen follows what is kept, and keeps what the reader changed meanwhile. */
  private exchangeKeys(before: ReadonlySet<string>, after: ReadonlySet<string>): void {
    const now = new Set(this.workspace.keyImages.peek());
    for (const key of before) if (!after.has(key)) now.delete(key);
    for (const key of after) if (!before.has(key)) now.add(key);
    this.workspace.keyImages.value = now;
  }

  /** Put what the archive has on the images that are on the screen. */
  private show(shown: readonly (readonly Frame[])[], module: ViewportModule | undefined, kept: ReadonlyMap<string, Measured>): void {
    for (const frames of shown) {
      if (frames[0]?.studyInstanceUid === this.study.studyInstanceUid) this.images.see(frames);
    }
    this.images.list(new Set(this.study.series.peek().map(({ seriesInstanceUid }) => seriesInstanceUid)));
    this.placeCurves([...kept.values()].filter(({ kind, foreign }) => kind === "curve" && !foreign));
    if (!module) return;
    const { here: all } = this.images;
    const images = new Set(all.map(({ sopInstanceUid }) => sopInstanceUid));
    const spaces = new Set(all.map(({ dataset }) => text(dataset, FRAME_OF_REFERENCE_UID)));
    const before = this.placed.peek();
    const isHere = ({ space, foreign, sopInstanceUid }: Measured): boolean =>
      space ? foreign || spaces.has(space.frameOfReferenceUid) : images.has(sopInstanceUid);
    const next = [...kept.values()].filter((one) => !before.has(one.uid) && isHere(one));
    if (next.length > 0) {
      module.place(all, next);
      const here = next.filter(({ space, foreign }) => !space || !foreign); // another maker's may lie on images still to come
      this.placed.value = new Set([...before, ...here.map(({ uid }) => uid)]);
    }
    this.look();
  }
}
