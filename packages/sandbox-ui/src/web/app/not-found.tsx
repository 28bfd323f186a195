import { Empty } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";

export function NotFound() {
  return (
    <Empty heading title="There is nothing at this address.">
      <Link to="/">To the beginning</Link>
    </Empty>
  );
}
