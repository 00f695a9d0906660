/** The value of a member in a W3C `baggage` header, percent-decoded, without its properties. */
export function baggageValue(header: string, key: string): string | undefined {
  for (const member of header.split(',')) {
    const equals = member.indexOf('=');
    if (equals < 0 || member.slice(0, equals).trim() !== key) continue;
    const properties = member.indexOf(';', equals);
    const value = member.slice(equals + 1, properties < 0 ? undefined : properties).trim();
    try {
      return decodeURIComponent(value);
    } catch {
      // Not valid percent-encoding: the raw text tells users apart just as well.
      return value;
    }
  }
  return undefined;
}
