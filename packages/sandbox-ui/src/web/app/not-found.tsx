import { Empty } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";

export function NotFound() {
  return (
    <Empty heading title="Page not found.">
      <Link to="/">Go to the start page</Link>
    </Empty>
  );
}
