import { channelsQuery } from '@/api/queries';
import { useMay } from '@/lib/me';
import { Checkbox } from '@/ui';
import { useQuery } from '@tanstack/react-query';

interface ChannelChecksProps {
  legend: string;
  /** What having no list means. */
  all: string;
  /** The channels by id; `null` for every one, those that come too. */
  value: number[] | null;
  problem?: string;
  onChange(value: number[] | null): void;
}

/** Through which channels somebody is reached. Nothing for those who may not see the channels. */
export function ChannelChecks({ legend, all, value, problem, onChange }: ChannelChecksProps) {
  const { data: channels } = useQuery({ ...channelsQuery, enabled: useMay('channels:manage') });
  if (!channels || channels.length === 0) return null;
  return (
    <fieldset className="stack-2">
      <legend className="label">{legend}</legend>
      <Checkbox checked={value === null} onChange={(on) => onChange(on ? null : channels.map((channel) => channel.id))}>
        {all}
      </Checkbox>
      {value !== null &&
        channels.map((channel) => (
          <Checkbox key={channel.id} checked={value.includes(channel.id)} onChange={(on) => onChange(on ? [...value, channel.id] : value.filter((id) => id !== channel.id))}>
            {channel.name}
          </Checkbox>
        ))}
      {problem && (
        <p className="help help-error" role="alert">
          {problem}
        </p>
      )}
    </fieldset>
  );
}
