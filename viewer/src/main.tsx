import { render } from "preact";

import { firstLanguage } from "@/i18n";
import { App } from "@/model/app";
import { AppScreen } from "@/ui/AppScreen";
import { loadStudyScreen } from "@/ui/lazyStudy";
import { forgetPictures } from "@/ui/lazyViewport";
import "@/ui/base.css";
import "@/worklist/worklist.css";
import "@/worklist/phoneList.css";
import "@/devices/devices.css";
import "@/queue/queue.css";

const app = new App(() => void forgetPictures());
app.start();
if (app.route.peek().screen === "study") loadStudyScreen();

const root = document.getElementById("app");
if (root) void firstLanguage().then(() => render(<AppScreen app={app} />, root));
