import type { Pane } from "@/model/pane";
import type { Workspace } from "@/model/workspace";

/** What every component that draws a viewport is given. */
export interface PaneProps {
  readonly workspace: Workspace;
  readonly pane: Pane;
}
