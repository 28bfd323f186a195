import { Shell as AppShell } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";
import { DevNotice } from "../dev/dev-notice.tsx";
import { ProblemsLink } from "../dev/problems-link.tsx";
import { useFeed } from "../dev/status-feed.ts";

const stopped = {
  title: "holdfast dev has stopped.",
  next: "Start it again in the folder of the project. This page reconnects by itself.",
};

/** The frame around every screen. */
export function Shell() {
  const { link, status } = useFeed();
  const tools = status?.isReloading === true ? <span className="muted small">Reloading…</span> : undefined;
  return (
    <AppShell
      brand={{ word: "Holdfast", label: "Holdfast inspector" }}
      link={link}
      offline={stopped}
      navigation={
        <>
          <Link to="/inspector" activeOptions={{ exact: true, includeSearch: false }}>
            Actors
          </Link>
          <ProblemsLink />
        </>
      }
      tools={tools}
      warning={
        status?.problem !== undefined && link === "online" ? (
          <DevNotice problem={status.problem} isServed={status.version !== undefined} />
        ) : undefined
      }
    />
  );
}
