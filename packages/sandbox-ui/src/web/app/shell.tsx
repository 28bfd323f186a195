import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouteContext, useRouterState } from "@tanstack/react-router";
import { type RefObject, useContext, useEffect, useRef } from "react";
import { useApi } from "../api/context.ts";
import { permissionsQuery } from "../api/queries.ts";
import { BrandMark, MoonIcon, SunIcon } from "../parts/icons.tsx";
import { useAnnounce } from "./announcer.tsx";
import { usePrevious } from "./hooks.ts";
import { LinkContext } from "./link.ts";
import { useTheme } from "./theme.ts";

/** Header, navigation and banners around every screen. */
export function Shell() {
  const main = useRef<HTMLElement>(null);
  const { taskPath } = useRouteContext({ from: "__root__" });
  useFocusOnNavigation(main);
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label="Sandbox inspector">
          <BrandMark size={22} />
          <span>Sandbox</span>
        </Link>
        <nav aria-label="Main">
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
          {taskPath === undefined && (
            <>
              <Link to="/agents">Agents</Link>
              <Link to="/config">Configuration</Link>
            </>
          )}
        </nav>
        <ThemeToggle />
      </header>
      <OfflineBanner />
      <main id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

/** The number of open questions is seen, and said, wherever a person is. */
function PermissionsLink() {
  const announce = useAnnounce();
  const { data } = useQuery(permissionsQuery(useApi()));
  const pending = data?.filter(({ state }) => state === "pending").length ?? 0;
  const previous = usePrevious(pending);
  useEffect(() => {
    if (previous !== undefined && pending > previous) announce("An agent asks for a permission.");
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

/** A new screen is announced by its heading; without this, focus stays on a link that may be gone. */
function useFocusOnNavigation(main: RefObject<HTMLElement | null>): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const previous = usePrevious(path);
  useEffect(() => {
    if (previous !== undefined && path !== previous) main.current?.focus({ preventScroll: true });
  }, [main, path, previous]);
}

function OfflineBanner() {
  const link = useContext(LinkContext);
  const announce = useAnnounce();
  const previous = usePrevious(link);
  useEffect(() => {
    if (link === "offline" && previous === "online") announce("Connection lost. Trying again.", "assertive");
    if (link === "online" && previous === "offline") announce("Connected again.");
  }, [announce, link, previous]);
  if (link === "online") return null;
  return (
    <aside aria-label="Notices">
      <div className="banner">
        <span className="spinner" aria-hidden="true" />
        <p>
          <strong>The server does not answer.</strong> What is shown may be old. Trying again…
        </p>
      </div>
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
