/** The tools of one viewport's group, and what of mouse and fingers holds which of them. */

import { ToolGroupManager, type Types } from "@cornerstonejs/tools";

import type { Binding } from "@/viewport/bindings";

export class HeldTools {
  readonly group: Types.IToolGroup;
  private bound: readonly string[] = [];

  constructor(private readonly id: string) {
    const group = ToolGroupManager.createToolGroup(id);
    if (!group) throw new Error(`there is a tool group ${id} already`);
    this.group = group;
  }

  /** Hold these by name, and none that were held before. */
  bind(bound: ReadonlyMap<string, Binding[]>): void {
    for (const name of this.bound) this.group.setToolPassive(name, { removeAllBindings: true });
    for (const [name, held] of bound) this.group.setToolActive(name, { bindings: held });
    this.bound = [...bound.keys()];
  }

  close(): void {
    ToolGroupManager.destroyToolGroup(this.id);
  }
}
