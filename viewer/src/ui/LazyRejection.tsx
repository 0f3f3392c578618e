/** The dialog that rejects images and series, fetched when somebody opens it. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { App } from "@/model/app";
import type { Workspace } from "@/model/workspace";
import type { RejectionDialog } from "@/ui/RejectionDialog";

const rejection = signal<typeof RejectionDialog | undefined>(undefined);

interface LazyRejectionProps {
  readonly app: App;
  readonly workspace: Workspace;
}

export function LazyRejection({ app, workspace }: LazyRejectionProps) {
  const close = (): void => {
    workspace.rejecting.value = undefined;
  };
  useEffect(() => {
    import("@/ui/RejectionDialog").then((module) => {
      rejection.value = module.RejectionDialog;
    }, close); // asked for again by the next press
  }, [app]);
  const Dialog = rejection.value;
  const meant = workspace.rejecting.value;
  return Dialog && meant ? <Dialog http={app.http} workspace={workspace} meant={meant} restoresAll={app.session.deletes.value} close={close} /> : null;
}
