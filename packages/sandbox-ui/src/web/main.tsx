/** Entry point of the inspector's web app. */
import "@holdfast/web-parts/styles.css";
import "@holdfast/sandbox-react/styles.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/sessions.css";
import "./styles/tools.css";
import { flushQueryUpdates, reloadOnFragment, tabStorage, WebApp } from "@holdfast/web-parts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { readConnection } from "./api/connection.ts";
import { describeError } from "./api/errors.ts";
import { App } from "./app/app.tsx";

// Removes the token from the address before anything else.
const connection = readConnection(location, history, tabStorage());
reloadOnFragment(["token", "headers"]);
flushQueryUpdates();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <WebApp profile={{ name: "Sandbox inspector", describeError }}>
      <App connection={connection} />
    </WebApp>
  </StrictMode>,
);
