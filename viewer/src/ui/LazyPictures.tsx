/** The way to taking pictures away: the chunk that does it is fetched when it is asked for. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

import { t } from "@/i18n";
import type { Workspace } from "@/model/workspace";

type Props = { readonly workspace: Workspace };

export function LazyPictures({ workspace }: Props) {
  const [Part, setPart] = useState<ComponentType<Props> | undefined>(undefined);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import("@/pictures").then(
      ({ PicturesDialog }) => setPart(() => PicturesDialog),
      () => setFailed(true),
    );
  }, []);
  if (Part) return <Part workspace={workspace} />;
  return failed ? (
    <p class="caution" role="status">
      {t("live.offline")}
    </p>
  ) : null;
}
