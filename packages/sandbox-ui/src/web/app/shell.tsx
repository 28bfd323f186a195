import { Shell as AppShell, useAnnounce, usePrevious } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link, useRouteContext } from "@tanstack/react-router";
import { useContext, useEffect } from "react";
import { useApi } from "../api/context.ts";
import { permissionsQuery } from "../api/queries.ts";
import { LinkContext } from "./link.ts";

const offlineText = {
  title: "The server does not answer.",
  next: "The data shown may be out of date. Reconnecting…",
};
const endedText = {
  title: "This sandbox has stopped, and so have its processes.",
  next: "It starts again with the next prompt of its task. Files are kept.",
};

/** The frame around every screen of the inspector. */
export function Shell() {
  const { taskPath } = useRouteContext({ from: "__root__" });
  const link = useContext(LinkContext);
  return (
    <AppShell
      brand={{ word: "Sandbox", label: "Sandbox inspector" }}
      link={link === "ended" ? "offline" : link}
      offline={link === "ended" ? endedText : offlineText}
      navigation={<Navigation taskPath={taskPath} />}
    />
  );
}

/** A task of the Studio has one session, which the Studio shows; here are its processes and files. */
function Navigation({ taskPath }: { readonly taskPath: string | undefined }) {
  return (
    <>
      {taskPath === undefined ? (
        <>
          <Link to="/sessions">Sessions</Link>
          <PermissionsLink />
        </>
      ) : (
        <a href={taskPath}>Back to the task</a>
      )}
      <Link to="/processes" activeOptions={{ includeSearch: false }}>
        Processes
      </Link>
      <Link to="/files" activeOptions={{ includeSearch: false }}>
        Files
      </Link>
      <Link to="/desktop">Desktop</Link>
      {taskPath === undefined && (
        <>
          <Link to="/agents">Agents</Link>
          <Link to="/config">Configuration</Link>
        </>
      )}
      <Link to="/requests">Requests</Link>
    </>
  );
}

/** The number of open questions is shown, and announced, on every screen. */
function PermissionsLink() {
  const announce = useAnnounce();
  const { data } = useQuery(permissionsQuery(useApi()));
  const pending = data?.filter(({ state }) => state === "pending").length ?? 0;
  const previous = usePrevious(pending);
  useEffect(() => {
    if (previous !== undefined && pending > previous) announce("An agent requests permission.");
  }, [announce, pending, previous]);
  return (
    <Link to="/permissions">
      Permissions
      {pending > 0 && (
        <span className="tag tag-attention" data-testid="pending-count">
          {pending}
          <span className="visually-hidden"> pending</span>
        </span>
      )}
    </Link>
  );
}
