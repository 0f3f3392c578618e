/** A list to choose from, of the toolbar or elsewhere: closed by choosing, by a click elsewhere, by Escape and by the browser's Back. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Workspace } from "@/model/workspace";
import { giveBack } from "@/ui/Dialog";
import { useLayer } from "@/ui/useLayer";

interface ListProps {
  readonly label: string;
  readonly class?: string;
  /** How far the arrow up and down go in the list; 1 but in grids. */
  readonly perRow?: number;
  close(): void;
  /** Called once it stands, before it takes the focus, and when the window or it has another size. */
  placed(menu: HTMLElement): void;
  readonly children: ComponentChildren;
}

type MenuProps = Omit<ListProps, "close" | "placed"> & { readonly workspace: Workspace };

const MARGIN_PX = 8;

/** Below its button, as far as the bar is wide; where the bar is at the bottom the style sheet places it. */
function place(menu: HTMLElement, name: string | undefined): void {
  const bar = menu.parentElement?.getBoundingClientRect();
  const button = menu.parentElement?.querySelector(`[data-testid="tool-${name}"]`)?.getBoundingClientRect();
  menu.style.left = "";
  if (!bar || !button || bar.top > innerHeight / 2) return;
  const furthest = bar.width - menu.offsetWidth - MARGIN_PX;
  menu.style.left = `${Math.max(MARGIN_PX, Math.min(button.left - bar.left, furthest))}px`;
}

/** Those that are seen: some are for phones alone. */
function entriesOf(menu: HTMLElement | null): HTMLButtonElement[] {
  return [...(menu?.querySelectorAll("button") ?? [])].filter((entry) => entry.offsetParent !== null);
}

export function Menu({ workspace, ...list }: MenuProps) {
  const close = (): void => {
    workspace.menu.value = undefined;
  };
  return <MenuList {...list} close={close} placed={(menu) => place(menu, workspace.menu.peek())} />;
}

export function MenuList({ label, class: className = "", perRow = 1, close, placed, children }: ListProps) {
  const menu = useRef<HTMLDivElement>(null);
  useLayer(true, close, true);
  useEffect(() => {
    const before = document.activeElement;
    if (menu.current) placed(menu.current);
    const chosen = menu.current?.querySelector<HTMLElement>("[role=menuitemradio][aria-checked=true]"); // switches that are on are no choice
    (chosen ?? entriesOf(menu.current)[0] ?? menu.current)?.focus(); // of one that is being fetched, the menu itself
    const onOutside = (event: PointerEvent): void => {
      const target = event.target as Element;
      if (!menu.current?.contains(target) && !target.closest("[aria-haspopup=menu]")) close();
    };
    const onResize = (): void => {
      if (menu.current) placed(menu.current);
    };
    const grown = new ResizeObserver(onResize); // by texts that are spaced, or entries that come later
    if (menu.current) grown.observe(menu.current);
    document.addEventListener("pointerdown", onOutside);
    window.addEventListener("resize", onResize);
    return () => {
      grown.disconnect();
      document.removeEventListener("pointerdown", onOutside);
      window.removeEventListener("resize", onResize);
      setTimeout(() => giveBack(before)); // when the menu is gone, and with it what it held
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    const entries = entriesOf(menu.current);
    const at = entries.indexOf(document.activeElement as HTMLButtonElement);
    const row = document.activeElement?.closest("[role=group]") ? 1 : perRow;
    const step = { ArrowDown: row, ArrowUp: -row, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) entries[(at + step + entries.length) % entries.length]?.focus();
    else if (event.key === "Home" || event.key === "End") entries.at(event.key === "Home" ? 0 : -1)?.focus();
    else {
      if (event.key === "Tab") close(); // on from where the menu was opened
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={menu} class={`menu ${className}`} role="menu" tabIndex={-1} aria-label={label} onKeyDown={onKeyDown}>
      {children}
    </div>
  );
}
