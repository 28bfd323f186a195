/** Entry point of the web app. */
import "@holdfast/web-parts/styles.css";
import "./app/sign-in.css";
import "./app/palette-button.css";
import "@holdfast/web-parts/rows.css";
import "./tasks/tasks.css";
import "./tasks/list.css";
import "./tasks/views/views.css";
import { flushQueryUpdates, reloadOnFragment, WebApp } from "@holdfast/web-parts";
import { focusManager } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { exchangeTicket, takeTicket } from "./app/auth.ts";
import { watchFocus } from "./app/watch-focus.ts";
import { watchInstallOffer } from "./shared/browser/installed.ts";
import { describeError } from "./shared/errors.ts";
import { createStudioApi } from "./shared/holdfast.ts";
import { enterOrganization } from "./shared/organizations/current.ts";

// Removes the ticket from the address before anything else, even if its exchange fails.
const ticket = takeTicket(location, history);
const place = enterOrganization();
reloadOnFragment(["ticket", "invitation", "token"]);
flushQueryUpdates();
watchInstallOffer();
focusManager.setEventListener(watchFocus);
const exchange = ticket === undefined ? undefined : await exchangeTicket(ticket);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <WebApp profile={{ name: "Holdfast", describeError }}>
      <App
        api={createStudioApi(location.origin, place.organization)}
        basepath={place.basepath}
        exchange={exchange}
      />
    </WebApp>
  </StrictMode>,
);
