/** Shell, dialogs, tabs, notices, icons. */
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { type ReactNode, type RefObject, useEffect, useRef } from "react";
import type { ErrorText } from "../errors.ts";
import { usePrevious } from "../hooks/hooks.ts";
import { useTheme } from "../hooks/theme.ts";
import { useAnnounce } from "./announcer.tsx";
import { BrandMark, MoonIcon, SunIcon } from "./icons.tsx";

/** State of the connection to the server. `offline` retries by itself. */
export type LinkState = "connecting" | "online" | "offline";

/** Frame of every screen: header, navigation and banners. */
export function Shell({
  brand,
  navigation,
  tools,
  link,
  offline,
  warning,
}: {
  /** The word beside the logo, and the accessible name of the home link. */
  readonly brand: { readonly word: string; readonly label: string };
  readonly navigation: ReactNode;
  /** At the end of the header. */
  readonly tools?: ReactNode;
  readonly link: LinkState;
  /** Text shown while the server does not respond. */
  readonly offline: ErrorText;
  /** Permanent banner for every screen. */
  readonly warning?: ReactNode;
}) {
  const main = useRef<HTMLElement>(null);
  const pages = useRef<HTMLElement>(null);
  useFocusOnNavigation(main);
  useCurrentPageInView(pages);
  useLinkAnnouncements(link);
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label={brand.label}>
          <BrandMark size={22} />
          <span>{brand.word}</span>
        </Link>
        <nav aria-label="Main" ref={pages}>
          {navigation}
        </nav>
        <div className="top-tools">
          {tools}
          <ThemeToggle />
        </div>
      </header>
      {(link === "offline" || warning !== undefined) && (
        <aside aria-label="Notices">
          {link === "offline" && <OfflineBanner words={offline} />}
          {warning}
        </aside>
      )}
      <main id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

/**
 * Moves the focus to the heading of a new screen; otherwise it stays on a link that may no longer exist. An address with
 * a fragment names what takes the focus instead.
 */
function useFocusOnNavigation(main: RefObject<HTMLElement | null>): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const hasFragment = useRouterState({ select: (state) => (state.resolvedLocation?.hash ?? "") !== "" });
  const previous = usePrevious(path);
  useEffect(() => {
    if (previous === undefined || path === previous || hasFragment) return;
    main.current?.focus({ preventScroll: true });
  }, [main, path, previous, hasFragment]);
}

/** Scrolls the current page into view when links to pages overflow. */
export function useCurrentPageInView(pages: RefObject<HTMLElement | null>): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for every page.
  useEffect(() => {
    const element = pages.current;
    if (element === null) return;
    const show = () => {
      const current = element.querySelector('[aria-current="page"]');
      current?.scrollIntoView({ block: "nearest", inline: "nearest" });
    };
    show();
    // Links and counts appear when it is known who looks.
    const observer = new MutationObserver(show);
    observer.observe(element, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, [pages, path]);
}

function useLinkAnnouncements(link: LinkState): void {
  const announce = useAnnounce();
  const previous = usePrevious(link);
  useEffect(() => {
    if (link === "offline" && previous === "online") announce("Connection lost. Reconnecting.", "assertive");
    if (link === "online" && previous === "offline") announce("Connected again.");
  }, [announce, link, previous]);
}

function OfflineBanner({ words }: { readonly words: ErrorText }) {
  return (
    <div className="banner" data-testid="offline-banner">
      <span className="spinner" aria-hidden="true" />
      <p>
        <strong>{words.title}</strong> {words.next}
      </p>
    </div>
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
