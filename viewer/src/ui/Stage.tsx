/** The viewports in their layout. */

import { useEffect, useRef } from "preact/hooks";

import { placesOf } from "@/model/layout";
import type { Pane } from "@/model/pane";
import { openPart } from "@/model/seriesParts";
import type { Workspace } from "@/model/workspace";
import { t } from "@/i18n";
import type { ToolName } from "@/tools/palette";
import { ContextMenu } from "@/ui/ContextMenu";
import { FailureNote } from "@/ui/FailureNote";
import { followFlicks, type FlickOptions } from "@/ui/flick";
import { drawnBy, kindOf } from "@/ui/paneKinds";
import type { PaneProps } from "@/ui/paneProps";
import { PaneSwitch } from "@/ui/PaneSwitch";
import { followRightPress } from "@/ui/rightPress";
import { SERIES_DRAG_TYPE } from "@/ui/seriesDrag";
import { StepPad } from "@/ui/StepPad";
import { FirstPicturePane } from "@/ui/ViewportPane";

const FLICKABLE: ReadonlySet<ToolName> = new Set(["window", "scroll"]);
const ZOOM_WHOLE = 1.05;

export function Stage({ workspace }: { readonly workspace: Workspace }) {
  const { study } = workspace;
  const { rows, columns } = workspace.layout.value;
  const stage = useRef<HTMLDivElement>(null);
  useEffect(() => (stage.current ? followFlicks(stage.current, flicksOf(workspace)) : undefined), [workspace, stage.current]);
  useEffect(() => (stage.current ? followRightPress(stage.current, workspace) : undefined), [workspace, stage.current]);
  if (study.failure.value) {
    return (
      <div class="stage-failed">
        <FailureNote failure={study.failure.value} retry={() => void study.open()} />
      </div>
    );
  }
  const panes = workspace.panes.value;
  const places = placesOf(workspace.layout.value, panes.at(-1)?.showing.value?.kind === "curved");
  return (
    <>
      <PaneSwitch workspace={workspace} />
      <div ref={stage} class="stage" style={{ gridTemplate: places.template }} data-testid="stage" data-layout={`${rows}x${columns}`} data-panes={panes.length}>
        {panes.map((pane, index) => (
          <PaneFrame key={pane.id} workspace={workspace} pane={pane} area={places.areas[index] ?? "auto"} />
        ))}
      </div>
      {workspace.context.value && <ContextMenu workspace={workspace} place={workspace.context.value} />}
    </>
  );
}

/** While a measuring tool is in hand a stroke is the tool's, whatever its speed; an enlarged image is moved about. */
function flicksOf(workspace: Workspace): FlickOptions {
  return {
    isFree: () => FLICKABLE.has(workspace.tool.peek()) && workspace.active.peek().view.peek().zoom <= ZOOM_WHOLE,
    window: () => workspace.active.peek().view.peek().window,
    restore: (window) => workspace.active.peek().controls.peek()?.applyPreset({ name: "kept", label: { text: "" }, kind: "values", window }),
    flicked: (step) => workspace.showNeighbour(step),
  };
}

interface PaneFrameProps extends PaneProps {
  /** The CSS grid area. */
  readonly area: string;
}

/** One place of the layout: takes what is dropped on it, becomes active by a touch, stands alone by a double click. */
function PaneFrame({ workspace, pane, area }: PaneFrameProps) {
  const many = workspace.panes.value.length > 1;
  const active = workspace.active.value === pane;
  const alone = active && workspace.oneUp.value;
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- the viewport in it has role and keys
    <div
      class={many ? "pane one-of-many" : "pane"}
      style={{ gridArea: alone ? "1 / 1 / -1 / -1" : area }}
      data-testid="pane"
      data-active={active}
      data-alone={alone}
      data-kind={pane.showing.value?.kind}
      onPointerDownCapture={() => workspace.activate(pane)}
      onWheelCapture={() => workspace.activate(pane)}
      onFocusCapture={() => workspace.activate(pane)}
      onDblClick={() => workspace.toggleOneUp()}
      onDragOver={(event) => event.dataTransfer?.types.includes(SERIES_DRAG_TYPE) && event.preventDefault()}
      onDrop={(event) => drop(event, workspace, pane)}
    >
      <PaneContent workspace={workspace} pane={pane} />
      {active && workspace.switches.steps.value && pane.controls.value && <StepPad workspace={workspace} pane={pane} />}
    </div>
  );
}

function drop(event: DragEvent, workspace: Workspace, pane: Pane): void {
  const [uid, object] = event.dataTransfer?.getData(SERIES_DRAG_TYPE).split(" ") ?? [];
  const all = [...workspace.study.series.peek(), ...workspace.beside.studies.peek().flat()];
  const series = all.find(({ seriesInstanceUid }) => seriesInstanceUid === uid);
  if (!series) return;
  event.preventDefault();
  if (object) openPart(workspace, series, object, pane);
  else workspace.showSeries(series, pane);
}

function PaneContent({ workspace, pane }: PaneProps) {
  const [first] = workspace.panes.value;
  const opening = first === pane && isOpening(workspace, pane);
  if (opening) return <FirstPicturePane workspace={workspace} pane={pane} />;
  return <SettledContent workspace={workspace} pane={pane} />;
}

/** Whether the study's first picture is here before the images it stands for. */
function isOpening({ study }: Workspace, pane: Pane): boolean {
  const picture = study.firstPicture.picture.value;
  if (!picture || pane.load.value?.loaded.value || pane.load.value?.failure.value) return false;
  const uid = pane.showing.value?.series.seriesInstanceUid;
  return uid === undefined || uid === picture.seriesInstanceUid;
}

function SettledContent({ workspace, pane }: PaneProps) {
  const showing = pane.showing.value;
  const load = pane.load.value;
  if (!showing || !load) {
    const settled = !workspace.study.loading.value;
    const nothing = settled && workspace.study.series.value.length === 0;
    const empty = workspace.hanger.lacksPrior(pane) ? "pane.noPrior" : "pane.empty";
    return <Waiting words={t(nothing ? "study.empty" : settled ? empty : "app.loading")} busy={!settled} />;
  }
  const { frames, others, slides } = pane.content.value;
  if (load.failure.value) return <FailureNote failure={load.failure.value} retry={() => void load.load()} />;
  if (frames.length + others.length + slides.length === 0 && !load.loaded.value) return <Waiting words={t("app.loading")} busy />;
  const Drawn = drawnBy(kindOf(showing, pane.content.value));
  return <Drawn workspace={workspace} pane={pane} />;
}

function Waiting({ words, busy }: { readonly words: string; readonly busy: boolean }) {
  return (
    <div class="waiting-stage" aria-busy={busy}>
      <p class="muted" role="status">
        {words}
      </p>
    </div>
  );
}
