import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useApi } from "../api/context.ts";
import { useOrganizationLive } from "../api/live.ts";
import type { LinkState } from "../api/port.ts";
import { systemQuery } from "../api/queries.ts";
import { BrandMark, MoonIcon, SunIcon, WarningIcon } from "../components/icons.tsx";
import { useAnnounce } from "./announcer.tsx";
import { usePrevious } from "./hooks.ts";
import { useTheme } from "./theme.ts";

/** Header, navigation and banners around every screen. */
export function Shell() {
  const link = useOrganizationLive();
  const main = useRef<HTMLElement>(null);
  useFocusOnNavigation(main);
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label="Holdfast, all tasks">
          <BrandMark size={22} />
          <span>Holdfast</span>
        </Link>
        <nav aria-label="Main">
          <TasksLink />
          <Link to="/inspector" activeOptions={{ includeSearch: false }}>
            Actors
          </Link>
          <Link to="/system">System</Link>
        </nav>
        <ThemeToggle />
      </header>
      <Banners link={link} />
      <main id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

/** Marked on the screen of a task too, since that lies below the list. */
function TasksLink() {
  const inTask = useRouterState({ select: (state) => state.location.pathname.startsWith("/tasks/") });
  return (
    <Link to="/" activeOptions={{ exact: true }} className={inTask ? "nav-parent" : undefined}>
      Tasks
    </Link>
  );
}

/** A new page is announced by its heading; without this, focus stays on a link that is gone. */
function useFocusOnNavigation(main: React.RefObject<HTMLElement | null>): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const previous = usePrevious(path);
  useEffect(() => {
    if (previous !== undefined && path !== previous) main.current?.focus({ preventScroll: true });
  }, [main, path, previous]);
}

function Banners({ link }: { readonly link: LinkState }) {
  const api = useApi();
  const announce = useAnnounce();
  const { data: system } = useQuery(systemQuery(api));
  const previous = usePrevious(link);
  useEffect(() => {
    if (link === "offline" && previous === "online") announce("Connection lost. Trying again.", "assertive");
    if (link === "online" && previous === "offline") announce("Connected again.");
  }, [announce, link, previous]);
  if (link !== "offline" && system?.unsafe !== true) return null;
  return (
    <aside aria-label="Notices">
      {link === "offline" && (
        <div className="banner banner-offline" data-testid="offline-banner">
          <span className="spinner" aria-hidden="true" />
          <p>
            <strong>Connection lost.</strong> Nothing is lost: what was done is on disk. Connecting again…
          </p>
        </div>
      )}
      {system?.unsafe === true && (
        <div className="banner banner-unsafe">
          <WarningIcon />
          <p>
            <strong>No jail.</strong> Agents run as ordinary programs and can reach your files and network.
          </p>
        </div>
      )}
    </aside>
  );
}

function ThemeToggle() {
  const [theme, setTheme] = useTheme();
  const next = theme === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      className="icon-button theme-toggle"
      aria-label={`Use the ${next} theme`}
      title={`Use the ${next} theme`}
      onClick={() => setTheme(next)}
    >
      {theme === "dark" ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
