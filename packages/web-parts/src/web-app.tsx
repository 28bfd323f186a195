import { createContext, type ReactNode, useContext, useEffect } from "react";
import type { ErrorText } from "./errors.ts";
import { AnnouncerProvider } from "./ui/announcer.tsx";

/** What the shared parts need from the app around them. */
export interface WebAppProfile {
  /** App name in the title of every page. */
  readonly name: string;
  /** Describes an error to people. Its code is shown separately, for the documentation. */
  readonly describeError: (error: unknown) => ErrorText;
}

const ProfileContext = createContext<WebAppProfile | undefined>(undefined);

/** Root component of an app. */
export function WebApp({
  profile,
  children,
}: {
  readonly profile: WebAppProfile;
  readonly children: ReactNode;
}) {
  return (
    <ProfileContext value={profile}>
      <AnnouncerProvider>{children}</AnnouncerProvider>
    </ProfileContext>
  );
}

/** Returns the profile of the surrounding app. */
export function useWebApp(): WebAppProfile {
  const profile = useContext(ProfileContext);
  if (profile === undefined) throw new Error("This component must be inside <WebApp>");
  return profile;
}

/** The title of the browser tab: that of the page, after the number of what waits for the person on any page. */
const tab = { title: "", count: 0 };

function showTitle(): void {
  document.title = tab.count === 0 ? tab.title : `(${tab.count}) ${tab.title}`;
}

/** Sets the title of the browser tab. */
export function usePageTitle(title: string): void {
  const { name } = useWebApp();
  useEffect(() => {
    tab.title = `${title} · ${name}`;
    showTitle();
  }, [title, name]);
}

/** Sets the number before the title, on every page; 0 for none. */
export function useTitleCount(count: number): void {
  useEffect(() => {
    tab.count = count;
    if (tab.title !== "") showTitle();
  }, [count]);
}
