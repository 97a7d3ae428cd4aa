"""What was sent, to whom and when a server took it stays as it was written.

Not one transaction: each trigger is put on in a moment, or not at all after `lock_timeout`; then it may be run again.
"""

from typing import ClassVar

import guards.guard
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("notifications", "0003_bounced_at")]

    operations: ClassVar = [
        pgtrigger.migrations.AddTrigger(
            model_name='message',
            trigger=pgtrigger.compiler.Trigger(name='delete', sql=guards.guard.GuardSql(func="RAISE EXCEPTION USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME, MESSAGE = concat(TG_TABLE_NAME, ' ', OLD.id, ': ', 'rows are never deleted');", hash='8212c9f5920762695fc6e4997f87306c3949adf7', operation='DELETE', pgid='pgtrigger_delete_f9b12', table='notifications_message', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='message',
            trigger=pgtrigger.compiler.Trigger(name='truncate', sql=guards.guard.GuardSql(func="RAISE EXCEPTION USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME, MESSAGE = concat(TG_TABLE_NAME, ' ', 'as a whole', ': ', 'the table is never emptied');", hash='16f1a946cd0b5c71eb5b1bec90af5a6e2793356c', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_truncate_2f18f', table='notifications_message', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='message',
            trigger=pgtrigger.compiler.Trigger(name='columns', sql=guards.guard.GuardSql(condition='WHEN (((OLD."id", OLD."recipient", OLD."message_id", OLD."subject", OLD."text", OLD."html", OLD."language", OLD."created_at") IS DISTINCT FROM (NEW."id", NEW."recipient", NEW."message_id", NEW."subject", NEW."text", NEW."html", NEW."language", NEW."created_at")) OR (OLD."accepted_at"::text <> \'\' AND OLD."accepted_at" IS DISTINCT FROM NEW."accepted_at" OR OLD."bounced_at"::text <> \'\' AND OLD."bounced_at" IS DISTINCT FROM NEW."bounced_at"))', func='RAISE EXCEPTION USING ERRCODE = \'check_violation\', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME, MESSAGE = concat(TG_TABLE_NAME, \' \', OLD.id, \': \', CASE WHEN (OLD."id", OLD."recipient", OLD."message_id", OLD."subject", OLD."text", OLD."html", OLD."language", OLD."created_at") IS DISTINCT FROM (NEW."id", NEW."recipient", NEW."message_id", NEW."subject", NEW."text", NEW."html", NEW."language", NEW."created_at") THEN \'id, recipient, message_id, subject, text, html, language, created_at never change\' WHEN OLD."accepted_at"::text <> \'\' AND OLD."accepted_at" IS DISTINCT FROM NEW."accepted_at" OR OLD."bounced_at"::text <> \'\' AND OLD."bounced_at" IS DISTINCT FROM NEW."bounced_at" THEN \'accepted_at, bounced_at are set once\' END);', hash='2586aeacd7811f059211bc84f7d4dce76890c972', operation='UPDATE', pgid='pgtrigger_columns_d36f8', table='notifications_message', when='BEFORE')),
        ),
    ]
