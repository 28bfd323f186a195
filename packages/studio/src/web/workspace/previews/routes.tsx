import "../workspace.css";
import "./preview.css";
import { usePageTitle } from "@holdfast/web-parts";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { TaskSandbox, TaskSandboxProvider } from "../task-sandbox.ts";
import { Preview } from "./preview.tsx";

const route = getRouteApi("/tasks/$taskId/preview/$port");

/** A preview in a tab of its own. */
export function PreviewRoute() {
  const { taskId, port } = route.useParams();
  usePageTitle(`Port ${port}`);
  const sandbox = useMemo(() => new TaskSandbox(location.origin, taskId), [taskId]);
  return (
    <TaskSandboxProvider value={sandbox}>
      <div className="workspace preview-page">
        <h1 className="visually-hidden">Preview of port {port}</h1>
        <Preview key={port} port={Number(port)}>
          <Link to="/tasks/$taskId" params={{ taskId }} search={{ view: "workspace" }}>
            Workspace
          </Link>
        </Preview>
      </div>
    </TaskSandboxProvider>
  );
}
