/** Entry point of the web app. */
import "@holdfast/web-parts/styles.css";
import "./styles/sign-in.css";
import "./styles/rows.css";
import "./styles/tasks.css";
import "./styles/task.css";
import "./styles/transcript.css";
import "./styles/diff.css";
import "./styles/system.css";
import { flushQueryUpdates, reloadOnFragment, WebApp } from "@holdfast/web-parts";
import { focusManager } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { exchangeTicket, takeTicket } from "./api/auth.ts";
import { describeError } from "./api/errors.ts";
import { createStudioApi } from "./api/holdfast.ts";
import { App } from "./app/app.tsx";
import { watchFocus } from "./app/watch-focus.ts";

// Removes the ticket from the address before anything else, even if its exchange fails.
const ticket = takeTicket(location, history);
reloadOnFragment(["ticket"]);
flushQueryUpdates();
focusManager.setEventListener(watchFocus);
const exchange = ticket === undefined ? undefined : await exchangeTicket(ticket);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <WebApp profile={{ name: "Holdfast", describeError }}>
      <App api={createStudioApi(location.origin)} exchange={exchange} />
    </WebApp>
  </StrictMode>,
);
