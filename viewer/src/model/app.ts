/** The parts of the viewer put together, and what follows from what. */

import { computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";

import { DicomWeb } from "@/dicomweb/client";
import { Failure, Http, isOutOfReach } from "@/dicomweb/http";
import { followNetwork, reachable, takeOutage } from "@/dicomweb/reach";
import { Accounts } from "@/model/accounts";
import { Devices } from "@/model/devices";
import { doubtOf, SURE, type Doubt } from "@/model/doubt";
import { Holding, keepDeed, tell, UNREAD, waitingDeed, type Deed } from "@/model/holding";
import { Importer } from "@/model/importer";
import { follow } from "@/model/layers";
import { Live } from "@/model/live";
import { OwnSessions } from "@/model/ownSessions";
import { Preferences } from "@/model/preferences";
import { Queue } from "@/model/queue";
import { followRoute, SETTINGS_LINK, type Route } from "@/model/route";
import { Session } from "@/model/session";
import { OpenStudy } from "@/model/study";
import { Timeline } from "@/model/timeline";
import { Urgency } from "@/model/urgency";
import { ViewKeeper } from "@/model/viewKeeper";
import { Worklist } from "@/model/worklist";
import type { Reading, WorklistStudy } from "@/model/worklistStudy";
import { Copies } from "@/offline/copies";
import { Errands } from "@/offline/errands";
import { install, keepMore, lookForNewer } from "@/offline/installed";
import { rowOf } from "@/offline/row";
import { MOUSE, mouse, mouseFrom } from "@/tools/mouse";

/** What a person leaves in the browser's storage; the language of the screen and what they said of the device stay. */
const LEFT_BEHIND = ["suret.link"];
const NONE = { unusedS: 0, longestS: 0 };

export class App {
  readonly session: Session;
  readonly worklist: Worklist;
  readonly devices: Devices;
  readonly accounts: Accounts;
  readonly sessions: OwnSessions;
  readonly queue: Queue;
  readonly importer: Importer;
  readonly preferences: Preferences;
  readonly view: ViewKeeper;
  readonly timeline: Timeline;
  readonly live: Live;
  readonly copies: Copies;
  /** What the node is to be told once it can be reached. */
  readonly errands: Errands;
  readonly route: ReadonlySignal<Route>;
  /** The study being read; undefined while the worklist is on the screen. */
  readonly study = signal<OpenStudy | undefined>(undefined);

  /** The reader's hold on it; undefined for who only looks. */
  readonly holding = signal<Holding | undefined>(undefined);

  /** Whether the study being read may not be of whom it says. */
  readonly doubt = signal<Doubt>(SURE);

  readonly urgency: Urgency;

  /** Whether the list of what is on this device is open. */
  readonly deviceShown = signal(false);

  /** Whether a study may be open; covered, while its reader has to sign in again. */
  private readonly mayRead = computed(() => this.session.mayBeOpen.value || this.session.isInterrupted.value);

  private readonly web: DicomWeb;
  readonly http: Http;

  constructor(private readonly onSessionEnd: () => void) {
    const http = new Http();
    this.http = http;
    this.web = new DicomWeb(http);
    this.copies = new Copies(http, () => this.session.end(), keepMore);
    this.errands = new Errands(http, () => this.copies.keeps);
    this.session = new Session(http, () => this.copies.owner());
    this.worklist = new Worklist(http, () => this.rowsOnDevice());
    this.urgency = new Urgency(http, () => this.worklist.studies.peek());
    this.devices = new Devices(http);
    this.accounts = new Accounts(http);
    this.sessions = new OwnSessions(http);
    this.queue = new Queue(http);
    this.importer = new Importer(http);
    this.preferences = new Preferences(http);
    this.timeline = new Timeline(http);
    this.view = new ViewKeeper(this.preferences, this.worklist);
    this.route = followRoute();
    effect(() => {
      void this.route.value;
      this.deviceShown.value = false; // the browser's Back closes it, as it closes what stands on a page
    });
    this.live = new Live({
      connected: () => {
        this.worklist.refresh();
        this.study.peek()?.touched();
        void this.copies.look();
      },
      studyChanged: (studyInstanceUid) => {
        this.worklist.touched(studyInstanceUid);
        this.copies.touched(studyInstanceUid);
        const study = this.study.peek();
        if (study?.studyInstanceUid !== studyInstanceUid) return;
        study.touched();
        void this.holding.peek()?.look();
        void this.urgency.look(studyInstanceUid, study.stopped, true);
      },
      lost: () => void this.session.check(),
    });
  }

  start(): void {
    this.session.forget = () => {
      this.preferences.forget();
      this.worklist.forget();
      this.onSessionEnd();
    };
    effect(() => {
      mouse.value = mouseFrom(this.preferences.get(MOUSE));
    });
    globalThis.addEventListener("keydown", (event) => {
      if (event.code !== "Comma" || !event.ctrlKey || !this.session.isOpen.peek()) return;
      event.preventDefault();
      follow(SETTINGS_LINK);
    });
    effect(() => {
      if (!this.session.isOpen.value) return undefined;
      const hangUp = untracked(() => this.live.open());
      untracked(() => this.importer.enter(this.session.userName));
      const stopKeeping = untracked(() => this.view.open());
      return () => {
        hangUp();
        stopKeeping();
        untracked(() => this.importer.leave());
      };
    });
    effect(() => {
      const route = this.route.value;
      void this.session.sitting.value; // another reader opens it anew
      if (!this.mayRead.value || route.screen !== "study") return undefined;
      const study = new OpenStudy(this.web, route.studyInstanceUid, this.errands);
      untracked(() => {
        this.worklist.opened(study.studyInstanceUid);
        this.study.value = study;
        void this.copies.opened(study.studyInstanceUid);
        void study.open();
      });
      return () => {
        study.close();
        this.study.value = undefined;
      };
    });
    effect(() => {
      const study = this.study.value;
      if (!study || !this.session.isOpen.value || !this.session.reports.value) return undefined;
      const holding = untracked(
        () => new Holding(this.http, study.studyInstanceUid, this.session.userName, this.errands, this.knownReading(study.studyInstanceUid)),
      );
      untracked(() => {
        this.holding.value = holding;
        holding.open();
      });
      return () => {
        this.holding.value = undefined;
        untracked(() => holding.close());
      };
    });
    effect(() => {
      const study = this.study.value;
      this.doubt.value = SURE;
      if (!study?.dataset.value || !this.session.isOpen.value) return undefined; // again when it was corrected
      const abort = new AbortController();
      const path = `/api/studies/${study.studyInstanceUid}/doubt`;
      this.http.json(path, { signal: abort.signal }).then((told) => (this.doubt.value = doubtOf(told)), () => {}); // as offline
      void untracked(() => this.urgency.look(study.studyInstanceUid, study.stopped));
      return () => abort.abort();
    });
    this.followDevice();
    void this.session.resume();
  }

  /** What is kept on this device, and what follows when the node goes out of reach and comes back. */
  private followDevice(): void {
    followNetwork();
    install();
    for (const name of ["pointerdown", "keydown"]) globalThis.addEventListener(name, () => this.copies.used(), { passive: true, capture: true });
    effect(() => {
      const state = this.session.state.value;
      if (state.kind === "signed-in" && !state.mustChangePassword) {
        const { name } = state.user;
        const answered = state.allowance !== undefined;
        void untracked(() => this.errands.enter(name).then(() => (answered ? this.errands.send() : undefined)));
      }
      if (state.kind === "signed-out") {
        for (const name of LEFT_BEHIND) globalThis.localStorage?.removeItem(name);
        void untracked(() => this.copies.leave());
        if (!state.ended) this.errands.leave(); // of who has to sign in again it stays on the covered screen
      } else if (state.kind === "signed-in" && state.allowance && !state.mustChangePassword) {
        const { name, roles } = state.user;
        void untracked(() => this.copies.enter({ name, roles, version: state.version }, state.allowance ?? NONE));
      } else if (state.kind === "signed-in" && !state.allowance) {
        const study = this.study.peek();
        if (study?.loading.peek() || study?.isLacking) void untracked(() => study.open()); // asked of a dead line
      }
    });
    effect(() => {
      const study = this.study.value;
      if (!study?.dataset.value || study.series.value.length === 0) return;
      const row = rowOf(study.dataset.value, study.series.value, this.worklist.studies.peek());
      void untracked(() => this.copies.opened(study.studyInstanceUid, row));
    });
    let wasReachable = true;
    effect(() => {
      const isReachable = reachable.value;
      untracked(() => {
        if (!isReachable) this.copies.watchEnd();
        else if (!wasReachable) void this.back();
      });
      wasReachable = isReachable;
    });
  }

  /** The node answers again: it is asked who is here, then for everything on the screen that did not come from it. */
  private async back(): Promise<void> {
    await this.session.resume();
    if (!this.session.isOpen.peek()) return;
    await this.errands.send();
    this.worklist.refresh();
    this.live.retryNow();
    lookForNewer();
    const holding = this.holding.peek();
    if (holding && !holding.reading.peek()) void holding.do("hold"); // opened without the node
    const study = this.study.peek();
    if (takeOutage() || study?.isLacking) await study?.renew();
  }

  private rowsOnDevice(): readonly WorklistStudy[] {
    return this.copies.studies.peek().flatMap(({ row, bytes, fetchedAt, images }) => {
      if (!row || bytes === 0) return [];
      const { reading } = this.withWaiting(row);
      return [{ ...row, reading, onDevice: { fetchedAt: new Date(fetchedAt).toISOString(), images } }];
    });
  }

  /** A row with what its reader said of it while the node was out of reach. */
  private withWaiting(row: WorklistStudy): WorklistStudy {
    const deed = waitingDeed(this.errands, row.studyInstanceUid)?.deed;
    if (deed === undefined) return row;
    const state = deed === "mark_read" ? "read" : "unread";
    return { ...row, reading: { state, by: state === "read" ? this.session.userName : "", at: "", until: "" } };
  }

  /** What the list, or else this device, knows of who reads it: of a hold that was not renewed nothing is left. */
  private knownReading(studyInstanceUid: string): Reading | undefined {
    const listed = this.worklist.studies.peek().find((row) => row.studyInstanceUid === studyInstanceUid && !row.onDevice);
    const reading = (listed ?? this.copies.studies.peek().find((one) => one.studyInstanceUid === studyInstanceUid)?.row)?.reading;
    return reading?.state === "reading" && !(Date.parse(reading.until) > Date.now()) ? undefined : reading;
  }

  /** Say of several studies that they are read, or are not. Raises Failure of the first that the node refuses. */
  async mark(studyInstanceUids: Iterable<string>, deed: Deed): Promise<void> {
    for (const uid of studyInstanceUids) {
      try {
        await tell(this.http, uid, deed);
        this.errands.drop(uid, "reading");
      } catch (error) {
        const known = this.knownReading(uid) ?? UNREAD;
        if (!(error instanceof Failure) || !isOutOfReach(error) || !keepDeed(this.errands, uid, deed, known)) throw error;
      }
    }
    this.worklist.refresh();
  }
}
