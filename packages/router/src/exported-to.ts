/** Whether a resource of namespace `own` with this `exportTo` is seen from `namespace`. */
export function isExportedTo(
  exportTo: readonly string[] | undefined,
  own: string,
  namespace: string,
): boolean {
  if (exportTo === undefined || exportTo.length === 0) return true;
  return exportTo.some(
    (target) => target === '*' || target === namespace || (target === '.' && own === namespace),
  );
}
