import { createContext, type ReactNode, useContext, useEffect } from "react";
import type { ErrorWords } from "./errors.ts";
import { AnnouncerProvider } from "./ui/announcer.tsx";

/** What the parts ask of the app around them. */
export interface WebAppProfile {
  /** The name in the title of every page. */
  readonly name: string;
  /** An error in words for people. Its code is shown apart, for the documentation. */
  readonly errorWords: (error: unknown) => ErrorWords;
}

const ProfileContext = createContext<WebAppProfile | undefined>(undefined);

/** Stands around everything that an app draws. */
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

/** The profile of the app around this component. */
export function useWebApp(): WebAppProfile {
  const profile = useContext(ProfileContext);
  if (profile === undefined) throw new Error("A part was drawn outside <WebApp>");
  return profile;
}

/** Names the page in the browser's tab. */
export function usePageTitle(title: string): void {
  const { name } = useWebApp();
  useEffect(() => {
    document.title = `${title} · ${name}`;
  }, [title, name]);
}
