"""What a client of OpenADR that this project did not write makes of a gateway, as JSON.

    client.py URL

It asks for a token, as it always does, then for programmes, events and reports, and posts a report of its own.
"""

import asyncio
import json
import sys

import toadr3
from toadr3.models import Interval, Report, ReportData, TargetType, ValuesMap


def payloads(interval):
    return {payload.type: payload.values for payload in interval.payloads}


def period(told):
    return {"start": told.start.timestamp(), "seconds": told.duration.total_seconds()}


def program(told):
    return {
        "id": told.id,
        "name": told.program_name,
        "type": told.program_type,
        "created": told.created_date_time.timestamp(),
        "descriptors": [[one.payload_type, one.units, one.currency] for one in told.payload_descriptors],
        "areas": [target.values for target in told.targets if target.type == TargetType.SERVICE_AREA.value],
    }


def event(told):
    return {
        "id": told.id,
        "program": told.program_id,
        "created": told.created.timestamp(),
        "modified": told.modified.timestamp(),
        "described": [one.payload_type for one in told.payload_descriptors],
        "reports": told.report_descriptors,
        "period": period(told.interval_period),
        "intervals": [payloads(interval) for interval in told.intervals],
    }


def report(told):
    (resource,) = told.resources
    (interval,) = resource.intervals
    return {
        "id": told.id,
        "program": told.program_id,
        "event": told.event_id,
        "client": told.client_name,
        "resource": resource.resource_name,
        "period": period(resource.interval_period),
        "payloads": payloads(interval),
    }


async def refused(client, of):
    """The status with which a report of an event is refused, and why."""
    usage = Interval(id=0, payloads=[ValuesMap(type="USAGE", values=[1.5])])
    data = ReportData(resource_name="heat pump", intervals=[usage])
    own = Report(program_id=of.program_id, event_id=of.id, client_name="somebody", resources=[data])
    try:
        await client.post_report(own)
    except toadr3.ToadrError as error:
        return {"status": error.status_code, "why": error.json_response["detail"]}
    return None


async def look(url):
    oauth = toadr3.OAuthScopeConfig(
        token_url=f"{url}/auth/token",
        grant_type="client_credentials",
        scope="read_all",
        client_id="somebody",
        client_secret="something",
    )
    async with toadr3.ToadrClient(url, oauth) as client:
        programs = await client.get_programs()
        area = await client.get_programs(target_type=TargetType.SERVICE_AREA, target_values=["microgrid-0"])
        nowhere = await client.get_programs(target_type=TargetType.GROUP, target_values=["nobody"])
        by_id = [await client.get_program(one.id) for one in programs]
        events = {one.id: await client.get_events(program_id=one.id) for one in programs}
        first = await client.get_events(skip=0, limit=1)
        return {
            "programs": [program(one) for one in programs],
            "by_id": by_id == programs,
            "area": [one.id for one in area],
            "nowhere": len(nowhere),
            "events": {key: [event(one) for one in value] for key, value in events.items()},
            "first": [one.id for one in first],
            "reports": [report(one) for one in await client.get_reports()],
            "refused": await refused(client, first[0]),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look(sys.argv[1]))))
