/** The parts of the viewer put together, and what follows from what. */

import { effect, signal, untracked, type ReadonlySignal } from "@preact/signals";

import { DicomWeb } from "@/dicomweb/client";
import { Http } from "@/dicomweb/http";
import { Devices } from "@/model/devices";
import { Importer } from "@/model/importer";
import { Live } from "@/model/live";
import { Preferences } from "@/model/preferences";
import { Queue } from "@/model/queue";
import { followRoute, type Route } from "@/model/route";
import { Session } from "@/model/session";
import { OpenStudy } from "@/model/study";
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
  readonly live: Live;
  readonly route: ReadonlySignal<Route>;
  /** The study being read; undefined while the worklist is on the screen. */
  readonly study = signal<OpenStudy | undefined>(undefined);

  private readonly web: DicomWeb;

  constructor(private readonly onSessionEnd: () => void) {
    const http = new Http();
    this.web = new DicomWeb(http);
    this.session = new Session(http);
    this.worklist = new Worklist(http);
    this.devices = new Devices(http);
    this.queue = new Queue(http);
    this.importer = new Importer(http);
    this.preferences = new Preferences(http);
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
        if (study?.studyInstanceUid === studyInstanceUid) study.touched();
      },
      lost: () => void this.session.check(),
    });
  }

  start(): void {
    effect(() => {
      if (!this.session.isOpen.value) return undefined;
      const hangUp = untracked(() => this.live.open());
      untracked(() => this.importer.enter(this.session.userName));
      const stopKeeping = untracked(() => this.view.open());
      return () => {
        hangUp();
        stopKeeping();
        untracked(() => this.preferences.forget());
        untracked(() => this.importer.leave());
        untracked(() => this.worklist.forget());
        this.onSessionEnd();
      };
    });
    effect(() => {
      const route = this.route.value;
      if (!this.session.mayBeOpen.value || route.screen !== "study") return undefined;
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
    void this.session.resume();
  }
}
