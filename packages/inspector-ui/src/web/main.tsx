/** Entry point of the inspector's web app. */
import "@holdfast/web-parts/styles.css";
import "@holdfast/web-parts/rows.css";
import "@holdfast/web-parts/inspector.css";
import "./dev/notices.css";
import { flushQueryUpdates, WebApp } from "@holdfast/web-parts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { describeError } from "./app/errors.ts";
import { StatusFeed } from "./dev/status-feed.ts";

flushQueryUpdates();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <WebApp profile={{ name: "Inspector", describeError }}>
      <App feed={new StatusFeed()} />
    </WebApp>
  </StrictMode>,
);
