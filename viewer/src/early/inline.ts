/**
 * The script that the build writes into the page itself: it runs before anything else is fetched. The node allows it by
 * its hash. The files it names are told by the build, in its own element.
 */

import { beginEarly, type Files } from "@/early/begin";

const told = (document.currentScript as HTMLScriptElement | null)?.dataset["files"];
if (told !== undefined) beginEarly(location.hash, JSON.parse(told) as Files);
