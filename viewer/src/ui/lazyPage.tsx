/** A page in a chunk of its own, fetched when somebody goes there: the shell shows the worklist without it. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import { Failure } from "@/dicomweb/http";
import { t } from "@/i18n";
import { FailureNote } from "@/ui/FailureNote";

const NO_ANSWER = new Failure(0);

export function lazyPage<P extends object>(fetchPage: () => Promise<ComponentType<P>>): ComponentType<P> {
  const page = signal<ComponentType<P> | undefined>(undefined);
  const failed = signal(false);
  const load = (): void => {
    failed.value = false;
    fetchPage().then(
      (fetched) => {
        page.value = fetched;
      },
      () => {
        failed.value = true;
      },
    );
  };
  return function LazyPage(props: P) {
    useEffect(() => {
      if (!page.peek()) load();
    }, []);
    const Page = page.value;
    if (Page) return <Page {...props} />;
    return (
      <main class="waiting" aria-busy={!failed.value}>
        {failed.value ? <FailureNote failure={NO_ANSWER} retry={load} /> : <p role="status">{t("app.loading")}</p>}
      </main>
    );
  };
}
