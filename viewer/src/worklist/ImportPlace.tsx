/** Where files are dropped, and where the import stands once it is here. */

import { useEffect, useState } from "preact/hooks";

import { t } from "@/i18n";
import { Failure } from "@/dicomweb/http";
import type { App } from "@/model/app";
import { FailureNote } from "@/ui/FailureNote";
import { Icon } from "@/ui/icons";

const NO_ANSWER = new Failure(0);

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

export function ImportPlace({ app }: { readonly app: App }) {
  const { importer } = app;
  const [over, setOver] = useState(false);
  const stores = app.session.stores.value;
  useEffect(() => {
    const onOver = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault(); // else the browser opens what is dropped, and the page is gone
      if (event.dataTransfer) event.dataTransfer.dropEffect = stores ? "copy" : "none";
      setOver(stores);
    };
    const onLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent): void => {
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (stores && event.dataTransfer) void importer.drop(event.dataTransfer);
    };
    document.addEventListener("dragover", onOver);
    document.addEventListener("dragleave", onLeave);
    document.addEventListener("drop", onDrop);
    return () => {
      document.removeEventListener("dragover", onOver);
      document.removeEventListener("dragleave", onLeave);
      document.removeEventListener("drop", onDrop);
    };
  }, [importer, stores]);
  const part = importer.part.value;
  return (
    <>
      {over && (
        <div class="drop-here" data-testid="drop-here">
          <Icon name="upload" />
          {t("import.drop")}
        </div>
      )}
      {importer.failed.value && <FailureNote failure={NO_ANSWER} retry={() => void importer.show()} />}
      {part && <part.Panel imports={part.imports} />}
    </>
  );
}
