import "../shared/diff/diff.css";
import "../task/task.css";
import "../task/transcript/transcript.css";
import "./inbox.css";
import { getRouteApi } from "@tanstack/react-router";
import { InboxScreen } from "./inbox-screen.tsx";

const route = getRouteApi("/inbox");

/** Loaded when the inbox is first opened. */
export function InboxRoute() {
  const { tab = "open" } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <InboxScreen
      tab={tab}
      onTab={(next) => void navigate({ search: next === "open" ? {} : { tab: next }, resetScroll: false })}
    />
  );
}
