/** Settings: connections, secrets, policy, audit log. */
import { Empty } from "@holdfast/web-parts";
import type { ReactNode } from "react";
import { useProfile } from "../shared/people.ts";
import { maySee, SettingsFrame, type SettingsNeed } from "../shared/settings/settings-frame.tsx";

/** A page of the settings that not everybody may see. */
export function SettingsPage({
  title,
  needs,
  actions,
  children,
}: {
  readonly title: string;
  /** Who may see the page. */
  readonly needs: SettingsNeed;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  const isAllowed = maySee(useProfile(), needs);
  return (
    <SettingsFrame title={title} actions={isAllowed && actions} className="settings-forms">
      {isAllowed ? (
        children
      ) : (
        <Empty title="You cannot see this page">
          {needs === "operator"
            ? "Only the operator of this server can: whoever opens a link of “holdfast url”."
            : needs === "machine"
              ? "Owners and admins of the first organization of this server can."
              : needs === "installation"
                ? "Owners of the first organization of this server can."
                : "Owners and admins of the organization can."}
        </Empty>
      )}
    </SettingsFrame>
  );
}
