// What can have the focus and is hidden then, in words: run in the page (WCAG 2.2, 2.4.11).
async () => {
    const named = (element) => `${element.dataset.testid ?? ""} <${element.tagName.toLowerCase()} ${element.className?.baseVal ?? element.className}>`;
    const within = document.querySelector("dialog[open], [aria-modal=true], [role=menu]") ?? document; // Tab closes a menu
    const before = document.activeElement;
    const opened = [...document.querySelectorAll("[aria-expanded=true]")];
    const layer = document.querySelector(".popup, .fusion-looks"); // closed by the focus elsewhere: its own stops come first
    const pane = document.querySelector("[data-testid=pane][data-active=true] [data-testid=viewport]");
    const places = [0.1, 0.3, 0.5, 0.7, 0.9];
    const isSeen = (element) => {
        const box = element.getBoundingClientRect();
        const [left, top] = [Math.max(box.left, 0), Math.max(box.top, 0)];
        const [right, bottom] = [Math.min(box.right, innerWidth), Math.min(box.bottom, innerHeight)];
        return right > left && bottom > top && places.some((across) => places.some((along) => {
            const there = document.elementFromPoint(left + (right - left) * across, top + (bottom - top) * along);
            return there && (element.contains(there) || there.contains(element) || there.closest("label")?.contains(element));
        }));
    };
    const told = new Set();
    const stops = [...within.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
    for (const element of stops.sort((one, other) => Number(layer?.contains(other) ?? 0) - Number(layer?.contains(one) ?? 0))) {
        if (element.disabled || element.closest("[inert]") || !element.checkVisibility({visibilityProperty: true})) continue;
        if (document.activeElement === element) element.scrollIntoView({block: "nearest"}); // focus() moves nothing then
        element.focus();
        if (document.activeElement !== element || element.matches("input[type=file]")) continue;
        if (!isSeen(element)) await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 60))); // what it shows by having the focus, and what gives way to it in the next frame
        if (element.isConnected && !isSeen(element)) told.add(`the focus is hidden: ${named(element)}`);
    }
    pane?.focus();
    before.focus?.();
    if (before === document.body) document.activeElement.blur();
    await new Promise((resolve) => setTimeout(resolve)); // what the focus closed is gone, and opened again for the next window
    for (const button of opened) {
        if (!button.isConnected || button.ariaExpanded !== "false") continue;
        button.click();
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 30))); // as readers press them: what opens from a sheet stands over it
    }
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    if (before !== document.body && document.activeElement !== before) before.focus?.(); // it was hidden with what the focus closed
    return [...told];
}
