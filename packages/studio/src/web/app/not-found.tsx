import { usePageTitle } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";

export function NotFound() {
  usePageTitle("Not found");
  return (
    <div className="page page-narrow">
      <h1>Page not found</h1>
      <p>Check the address. If it is a link to a task, the task may belong to another data directory.</p>
      <p>
        <Link to="/">Go to all tasks</Link>
      </p>
    </div>
  );
}
