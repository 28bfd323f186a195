/** The desktop in the jail of a task: loaded when it is shown. */
import { appPart, Loading } from "@holdfast/web-parts";
import { lazy, Suspense } from "react";

const DesktopView = lazy(appPart(() => import("./desktop-view.tsx")));

/** The desktop in the jail of the task. */
export function DesktopOf({ mayWrite }: { readonly mayWrite: boolean }) {
  return (
    <Suspense fallback={<Loading label="Loading the desktop" />}>
      <DesktopView mayWrite={mayWrite} />
    </Suspense>
  );
}
