"""The columns of the margin, IPO and account queries: key, the vendor's attribute, Chinese heading, type.

Data only. The headings are those of the vendor's documentation.
"""

from __future__ import annotations

from easytrader_qmt.fields import Column, Dtype, Look, Table

_ACCOUNT = (
    Column("account_type", "账号类型", "int", "account_type"),
    Column("account_id", "资金账号", "str", "account_id"),
)


def _column(
    key: str, heading: str, dtype: Dtype = "float", look: Look = "money", shown: bool = True
) -> Column:
    return Column(key, heading, dtype, key, look=look, shown=shown)


def _code(key: str, heading: str, shown: bool = False) -> Column:
    return Column(key, heading, "int", key, shown=shown)


def _text(key: str, heading: str, shown: bool = True) -> Column:
    return Column(key, heading, "str", key, shown=shown)


CREDIT_DETAIL = Table(
    "credit_detail",
    (
        *_ACCOUNT,
        _code("status", "账号状态"),
        _code("update_time", "更新时间"),
        _code("calc_config", "计算参数"),
        _column("balance", "总资产"),
        _column("available", "可用金额"),
        _column("frozen_cash", "冻结金额"),
        _column("fetch_balance", "可取金额", shown=False),
        _column("market_value", "总市值"),
        _column("stock_value", "股票市值", shown=False),
        _column("fund_value", "基金市值", shown=False),
        _column("position_profit", "持仓盈亏", shown=False),
        _column("total_debt", "总负债"),
        _column("enable_bail_balance", "可用保证金"),
        _column("per_assurescale_value", "维持担保比例", look="percent"),
        _column("assure_asset", "净资产"),
        _column("fin_debt", "融资负债"),
        _column("fin_deal_avl", "融资本金", shown=False),
        _column("fin_fee", "融资息费", shown=False),
        _column("slo_debt", "融券负债"),
        _column("slo_market_value", "融券市值", shown=False),
        _column("slo_fee", "融券息费", shown=False),
        _column("other_fare", "其它费用", shown=False),
        _column("fin_max_quota", "融资授信额度", shown=False),
        _column("fin_enable_quota", "融资可用额度"),
        _column("fin_used_quota", "融资冻结额度", shown=False),
        _column("slo_max_quota", "融券授信额度", shown=False),
        _column("slo_enable_quota", "融券可用额度"),
        _column("slo_used_quota", "融券冻结额度", shown=False),
        _column("slo_sell_balance", "融券卖出资金", shown=False),
        _column("used_slo_sell_balance", "已用融券卖出资金", shown=False),
        _column("surplus_slo_sell_balance", "剩余融券卖出资金", shown=False),
    ),
)
COMPACTS = Table(
    "compact",
    (
        *_ACCOUNT,
        _text("instrument_id", "证券代码"),
        _code("exchange_id", "证券市场"),
        _text("compact_id", "合约编号"),
        _code("compact_type", "合约类型", shown=True),
        _code("cashgroup_prop", "头寸来源"),
        _code("open_date", "开仓日期", shown=True),
        _code("ret_end_date", "到期日", shown=True),
        _column("business_vol", "合约证券数量", "int", "count"),
        _column("real_compact_vol", "未还合约数量", "int", "count"),
        _column("business_balance", "合约金额"),
        _column("businessFare", "合约息费"),
        _column("real_compact_balance", "未还合约金额"),
        _column("real_compact_fare", "未还合约息费"),
        _column("repaid_balance", "已还金额"),
        _column("repaid_fare", "已还息费"),
        _text("position_str", "定位串", shown=False),
    ),
)
CREDIT_SUBJECTS = Table(
    "credit_subject",
    (
        *_ACCOUNT,
        _text("instrument_id", "证券代码"),
        _code("exchange_id", "证券市场", shown=True),
        _code("fin_status", "融资状态", shown=True),
        _code("slo_status", "融券状态", shown=True),
        _column("fin_ratio", "融资保证金比例", look="percent"),
        _column("slo_ratio", "融券保证金比例", look="percent"),
    ),
)
SLO_CODES = Table(
    "slo_code",
    (
        *_ACCOUNT,
        _text("instrument_id", "证券代码"),
        _code("exchange_id", "证券市场", shown=True),
        _code("cashgroup_prop", "头寸来源", shown=True),
        _column("enable_amount", "融券可融数量", "int", "count"),
    ),
)
CREDIT_ASSURE = Table(
    "credit_assure",
    (
        *_ACCOUNT,
        _text("instrument_id", "证券代码"),
        _code("exchange_id", "证券市场", shown=True),
        _code("assure_status", "是否可做担保", shown=True),
        _column("assure_ratio", "担保品折算比例", look="percent"),
    ),
)
IPO_DATA = Table(
    "ipo",
    (
        Column("code", "申购代码", "str", "m_strIPOCode", shown=True),
        Column("name", "名称", "str", "m_strIPOName", shown=True),
        Column("type", "类型", "str", "m_strIPOType", shown=True),
        Column("issue_price", "发行价", "float", "m_dIssuePrice", look="price", shown=True),
        Column("min_purchase", "最小申购数量", "int", "m_nMinPurchaseNum", look="count", shown=True),
        Column("max_purchase", "最大申购数量", "int", "m_nMaxPurchaseNum", look="count", shown=True),
        Column("purchase_date", "申购日期", "str", "m_strPurchaseDate", shown=True),
    ),
)
ACCOUNT_STATUS = Table(
    "account_status",
    (
        Column("account_type", "账号类型", "int", "account_type", shown=True),
        Column("account_id", "资金账号", "str", "account_id", shown=True),
        Column("status", "状态代码", "int", "status"),
        Column("status_name", "状态", "str", "status", shown=True),
    ),
)
ACCOUNT_INFOS = Table(
    "account_info",
    (
        Column("account_type", "账号类型", "int", "account_type", shown=True),
        Column("account_id", "资金账号", "str", "account_id", shown=True),
        _text("broker_id", "券商代码"),
        _text("broker_name", "券商名称"),
        _code("broker_type", "券商类型"),
        _code("platform_id", "平台号"),
        _code("login_status", "登录状态", shown=True),
        _text("product_code", "产品代码", shown=False),
        _text("product_name", "产品名称", shown=False),
        _code("product_id", "产品编号"),
    ),
)
