/** The list of what is on this device, fetched when somebody opens it. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { App } from "@/model/app";
import type { DevicePanel } from "@/offline/DevicePanel";

const panel = signal<typeof DevicePanel | undefined>(undefined);

export function LazyDevicePanel({ app }: { readonly app: App }) {
  useEffect(() => {
    import("@/offline/DevicePanel").then(
      (module) => {
        panel.value = module.DevicePanel;
      },
      () => {
        app.deviceShown.value = false; // asked for again by the next press
      },
    );
  }, [app]);
  const Panel = panel.value;
  return Panel ? <Panel copies={app.copies} errands={app.errands} close={() => (app.deviceShown.value = false)} /> : null;
}
