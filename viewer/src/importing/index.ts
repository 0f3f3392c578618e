/** The chunk that imports files: the shell knows of it what `ImportPart` says. */

import type { ComponentType } from "preact";

import type { Http } from "@/dicomweb/http";
import { walked, type Picked } from "@/importing/files";
import { ImportPanel } from "@/importing/ImportPanel";
import { Imports } from "@/importing/imports";

export interface ImportPart {
  readonly imports: Imports;
  readonly Panel: ComponentType<{ readonly imports: Imports }>;
  walked(entries: readonly FileSystemEntry[]): Promise<Picked[]>;
}

export function importPart(http: Http, user: string): ImportPart {
  return { imports: new Imports(http, user), Panel: ImportPanel, walked };
}
