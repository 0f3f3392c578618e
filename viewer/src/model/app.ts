/** The parts of the viewer put together, and what follows from what. */

import { computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";

import { DicomWeb } from "@/dicomweb/client";
import { Http } from "@/dicomweb/http";
import { Devices } from "@/model/devices";
import { Holding, tell, type Deed } from "@/model/holding";
import { Importer } from "@/model/importer";
import { Live } from "@/model/live";
import { Preferences } from "@/model/preferences";
import { Queue } from "@/model/queue";
import { followRoute, type Route } from "@/model/route";
import { Session } from "@/model/session";
import { OpenStudy } from "@/model/study";
import { Timeline } from "@/model/timeline";
import { ViewKeeper } from "@/model/viewKeeper";
import { Worklist } from "@/model/worklist";

export class App {
  readonly session: Session;
  readonly worklist: Worklist;
  readonly devices: Devices;
  readonly queue: Queue;
  readonly importer: Importer;
  readonly preferences: Preferences;
  readonly view: ViewKeeper;
  readonly timeline: Timeline;
  readonly live: Live;
  readonly route: ReadonlySignal<Route>;
  /** The study being read; undefined while the worklist is on the screen. */
  readonly study = signal<OpenStudy | undefined>(undefined);

  /** The reader's hold on it; undefined for who only looks. */
  readonly holding = signal<Holding | undefined>(undefined);

  /** Whether a study may be open; covered, while its reader has to sign in again. */
  private readonly mayRead = computed(() => this.session.mayBeOpen.value || this.session.isInterrupted.value);

  private readonly web: DicomWeb;
  private readonly http: Http;

  constructor(private readonly onSessionEnd: () => void) {
    const http = new Http();
    this.http = http;
    this.web = new DicomWeb(http);
    this.session = new Session(http);
    this.worklist = new Worklist(http);
    this.devices = new Devices(http);
    this.queue = new Queue(http);
    this.importer = new Importer(http);
    this.preferences = new Preferences(http);
    this.timeline = new Timeline(http);
    this.view = new ViewKeeper(this.preferences, this.worklist);
    this.route = followRoute();
    this.live = new Live({
      connected: () => {
        this.worklist.refresh();
        this.study.peek()?.touched();
      },
      studyChanged: (studyInstanceUid) => {
        this.worklist.touched(studyInstanceUid);
        const study = this.study.peek();
        if (study?.studyInstanceUid !== studyInstanceUid) return;
        study.touched();
        void this.holding.peek()?.look();
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
      const study = new OpenStudy(this.web, route.studyInstanceUid);
      untracked(() => {
        this.worklist.opened(study.studyInstanceUid);
        this.study.value = study;
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
      const holding = new Holding(this.http, study.studyInstanceUid, this.session.userName);
      untracked(() => {
        this.holding.value = holding;
        holding.open();
      });
      return () => {
        this.holding.value = undefined;
        untracked(() => holding.close());
      };
    });
    void this.session.resume();
  }

  /** Say of several studies that they are read, or are not. Raises Failure of the first that the node refuses. */
  async mark(studyInstanceUids: Iterable<string>, deed: Deed): Promise<void> {
    for (const uid of studyInstanceUids) await tell(this.http, uid, deed);
    this.worklist.refresh();
  }
}
