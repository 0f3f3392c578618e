/** The chunk with the study screen: the shell shows the worklist without it. */

import { signal } from "@preact/signals";

import type { StudyScreen } from "@/ui/StudyScreen";

/** Set once it is here. */
export const studyScreen = signal<typeof StudyScreen | undefined>(undefined);
/** It could not be fetched; to ask again is worth a try. */
export const studyScreenFailed = signal(false);

let loading: Promise<void> | undefined;

export function loadStudyScreen(): void {
  loading ??= import("@/ui/StudyScreen").then(
    (module) => {
      studyScreen.value = module.StudyScreen;
    },
    () => {
      loading = undefined;
      studyScreenFailed.value = true;
    },
  );
}

export function retryStudyScreen(): void {
  studyScreenFailed.value = false;
  loadStudyScreen();
}
